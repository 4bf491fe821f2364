"""Keys of commands no longer name who sent them.

The rows that there are go: they only answer a phone that repeats what it sent within the last days, and each of them
joins a person with what that person reported. A phone that repeats an older write after this would write it again;
stop the service for the migration, as every release asks, and let the phones' queues run empty before.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial")]

    operations = [
        migrations.DeleteModel("Command"),
        migrations.CreateModel(
            name="Command",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("caller", models.CharField(max_length=40, unique=True)),
                ("body", models.CharField(max_length=40)),
                ("result", models.BinaryField()),
                ("at", models.DateTimeField(db_index=True)),
            ],
        ),
    ]
