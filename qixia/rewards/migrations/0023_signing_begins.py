"""Postings that are there already have no keyed hash: the highest of their numbers is noted, under a keyed hash of its own."""

from django.db import migrations, models

from qixia.kernel.keys import keys


def note_start(apps, schema_editor):
    last = apps.get_model("rewards", "Posting").objects.aggregate(last=models.Max("pk"))["last"]
    if last is not None:
        mac = keys().keyed_digest(str(last).encode(), purpose="ledger-mac-start")[:32]
        apps.get_model("rewards", "Signing").objects.create(through=last, mac=mac)


class Migration(migrations.Migration):
    dependencies = [("rewards", "0022_signed_postings")]

    operations = [migrations.RunPython(note_start, migrations.RunPython.noop)]
