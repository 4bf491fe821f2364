"""Room for what is sealed from now on: a keyed digest instead of SHA-256, sealed claims and measurements."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("media", "0002_evidence_keys_boxes_clips"),
    ]

    operations = [
        migrations.RenameField(model_name="evidence", old_name="sha256", new_name="digest"),
        migrations.AddField(
            model_name="evidence", name="sealed_claimed", field=models.BinaryField(editable=False, null=True)
        ),
        migrations.AddField(
            model_name="evidence", name="sealed_measured", field=models.BinaryField(editable=False, null=True)
        ),
    ]
