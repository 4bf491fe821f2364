"""What is sealed since 0004 no longer stands in the open."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ("media", "0004_move_facts_under_seal"),
    ]

    operations = [
        migrations.RemoveField(model_name="evidence", name="claimed"),
        migrations.RemoveField(model_name="evidence", name="measured"),
    ]
