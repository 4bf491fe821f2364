"""No column joins a report to a person any more, and the database holds it to that."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("reports", "0003_seal_the_reporters")]

    operations = [
        migrations.RemoveIndex(model_name="report", name="reports_mine"),
        migrations.RemoveField(model_name="report", name="reporter"),
        migrations.AddConstraint(
            model_name="report",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("claim_hash__isnull", True),
                        ("reporter_index__isnull", False),
                        ("reporter_link__isnull", False),
                        ("secrecy", "sealed"),
                    ),
                    models.Q(
                        ("claim_hash__isnull", False),
                        ("reporter_index__isnull", True),
                        ("reporter_link__isnull", True),
                        ("secrecy", "anonymous"),
                    ),
                    _connector="OR",
                ),
                name="reports_secrecy",
            ),
        ),
    ]
