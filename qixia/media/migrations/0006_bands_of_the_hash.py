"""The hash in four bands, each with an index: photos with nearly the same hash are found among a million."""

from django.db import migrations, models

from qixia.audit.online_index import AddIndexOnline


def band(shift):
    return AddIndexOnline(
        "evidence",
        models.Index(
            models.F("phash").bitrightshift(shift).bitand(0xFFFF),
            name=f"media_hash_band_{shift}",
            condition=models.Q(phash__lt=0) | models.Q(phash__gt=0),
        ),
    )


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ("media", "0005_let_go_of_open_facts"),
    ]

    operations = [band(48), band(32), band(16), band(0)]
