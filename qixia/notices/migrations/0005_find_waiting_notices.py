"""The few notices that nobody has sent on yet are found without reading the inboxes."""

from django.db import migrations, models

from qixia.audit.online_index import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("notices", "0004_channels")]

    operations = [
        AddIndexOnline(
            model_name="notice",
            index=models.Index(condition=models.Q(("waits", True)), fields=["id"], name="notices_waiting"),
        ),
    ]
