"""Auditors list postings by day, and by kind and act where those are rare; decided holds by their day."""

from django.db import migrations, models

from qixia.audit.online_index import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("rewards", "0020_corrections_once")]

    operations = [
        AddIndexOnline(
            model_name="hold",
            index=models.Index(
                condition=models.Q(("state", "open"), _negated=True),
                fields=["ended_on", "id"],
                name="rewards_hold_decided",
            ),
        ),
        AddIndexOnline(
            model_name="posting",
            index=models.Index(fields=["day", "id"], name="rewards_posting_of_day"),
        ),
        AddIndexOnline(
            model_name="posting",
            index=models.Index(
                condition=models.Q(("kind", "award"), _negated=True),
                fields=["kind", "id"],
                name="rewards_posting_of_kind",
            ),
        ),
        AddIndexOnline(
            model_name="posting",
            index=models.Index(
                condition=models.Q(("act", "reports.dispatched"), _negated=True),
                fields=["act", "id"],
                name="rewards_posting_of_act",
            ),
        ),
    ]
