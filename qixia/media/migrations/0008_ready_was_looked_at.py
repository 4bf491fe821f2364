"""A picture that can be seen was looked at: the database holds it. Apart from 0007, which moves the rows."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("media", "0007_who_looked_for_boxes"),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="evidence",
            constraint=models.CheckConstraint(
                condition=~models.Q(state="ready") | ~models.Q(boxes_by=""), name="media_evidence_ready_was_looked_at"
            ),
        ),
    ]
