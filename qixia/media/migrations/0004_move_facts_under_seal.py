"""Seal what stood in the open. The files themselves are sealed by the task media.seal, a few at a time."""

import json

from django.db import migrations

from qixia.kernel.keys import keys

BATCH = 500


def seal(apps, schema_editor):
    Evidence = apps.get_model("media", "Evidence")
    last = 0
    while True:
        rows = list(Evidence.objects.filter(pk__gt=last).order_by("pk")[:BATCH])
        if not rows:
            return
        for row in rows:
            row.digest = keys().keyed_digest(row.digest.encode(), purpose="media.digest")
            row.sealed_claimed = sealed("claimed", row.public_id, row.claimed)
            row.sealed_measured = sealed("measured", row.public_id, row.measured)
        Evidence.objects.bulk_update(rows, ["digest", "sealed_claimed", "sealed_measured"])
        last = rows[-1].pk


def sealed(what, public_id, facts):
    if not facts:
        return None
    plain = json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()
    return keys().seal(plain, purpose=f"media.{what}:{public_id}")


class Migration(migrations.Migration):

    dependencies = [
        ("media", "0003_seal_files_and_facts"),
    ]

    operations = [migrations.RunPython(seal, migrations.RunPython.noop)]
