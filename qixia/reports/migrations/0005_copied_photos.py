"""Whether a photo after looks like a copy of one before."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("reports", "0004_let_go_of_the_reporter"),
    ]

    operations = [
        migrations.AddField(
            model_name="reportphoto",
            name="copied",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
