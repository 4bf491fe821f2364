"""Seal what notices say, and make a keyed hash of what they are about.

A notice that says whom and which report in plain would join reporter and report. One transaction: stopped, it starts
again from the beginning.
"""

import json

from django.db import migrations, models

from qixia.kernel.keys import keys

PIECE = 1000


def seal(apps, schema_editor):
    notice, ours, last = apps.get_model("notices", "Notice"), keys(), 0
    while rows := list(notice.objects.filter(pk__gt=last).order_by("pk")[:PIECE]):
        for row in rows:
            packed = json.dumps([row.params, row.link], ensure_ascii=False, separators=(",", ":")).encode()
            row.sealed = ours.seal(packed, purpose="notice")
            row.key = ours.blind_index(row.key, purpose="notice")
        notice.objects.bulk_update(rows, ["sealed", "key"], batch_size=100)
        last = rows[-1].pk


def open_again(apps, schema_editor):
    """Backwards: facts and links in plain once more. Keys stay as they are, unique all the same."""
    notice, ours, last = apps.get_model("notices", "Notice"), keys(), 0
    while rows := list(notice.objects.filter(pk__gt=last).order_by("pk")[:PIECE]):
        for row in rows:
            row.params, row.link = json.loads(ours.open(bytes(row.sealed), purpose="notice"))
        notice.objects.bulk_update(rows, ["params", "link"], batch_size=100)
        last = rows[-1].pk


class Migration(migrations.Migration):
    dependencies = [("notices", "0001_initial")]

    operations = [
        migrations.AddField("notice", "sealed", models.BinaryField(default=b""), preserve_default=False),
        migrations.RunPython(seal, open_again),
    ]
