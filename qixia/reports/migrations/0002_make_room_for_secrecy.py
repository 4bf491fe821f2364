"""Room for the sealed link, its index and the claim of an anonymous report. The old column stays until 0004."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("reports", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="report",
            name="secrecy",
            field=models.CharField(db_default="sealed", default="sealed", max_length=9),
        ),
        migrations.AddField(model_name="report", name="reporter_link", field=models.BinaryField(null=True)),
        migrations.AddField(
            model_name="report", name="reporter_index", field=models.CharField(max_length=40, null=True)
        ),
        migrations.AddField(model_name="report", name="claim_hash", field=models.CharField(max_length=64, null=True)),
        migrations.AddField(
            model_name="reportphoto",
            name="likeness",
            field=models.CharField(blank=True, db_default="", default="", max_length=9),
        ),
        migrations.AddField(model_name="reportphoto", name="likeness_score", field=models.FloatField(null=True)),
        migrations.AddIndex(
            model_name="report", index=models.Index(fields=["reporter_index", "-id"], name="reports_own")
        ),
        migrations.AddConstraint(
            model_name="report",
            constraint=models.UniqueConstraint(
                condition=models.Q(("claim_hash__isnull", False)), fields=("claim_hash",), name="reports_one_claim"
            ),
        ),
        migrations.AddConstraint(
            model_name="reportphoto",
            constraint=models.CheckConstraint(
                condition=models.Q(("likeness__in", ("", "same", "unsure", "different"))), name="reports_photo_likeness"
            ),
        ),
    ]
