"""Who looked for faces and plates. Copies from before anybody did are taken out of sight until they are made anew."""

from django.db import migrations, models


def take_out_of_sight(apps, schema_editor):
    """The files stay; pending pictures are not served. `qixia media redact-again` or the hourly job makes them anew."""
    Evidence = apps.get_model("media", "Evidence")
    Evidence.objects.filter(state="ready", boxes_by="").update(state="pending")


class Migration(migrations.Migration):

    dependencies = [
        ("media", "0006_bands_of_the_hash"),
    ]

    operations = [
        migrations.AddField(
            model_name="evidence",
            name="boxes_by",
            field=models.CharField(
                blank=True,
                choices=[("", "还没有人看过"), ("machine", "系统"), ("person", "人工")],
                default="",
                max_length=8,
            ),
        ),
        migrations.RunPython(take_out_of_sight, migrations.RunPython.noop),
    ]
