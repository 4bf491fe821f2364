"""Points of anonymous reports: what was promised to which secret, and what waits to be paid to whom."""

from django.db import migrations, models

import qixia.kernel.ids


class Migration(migrations.Migration):
    dependencies = [("rewards", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Promise",
            fields=[("claim_hash", models.CharField(max_length=64, primary_key=True, serialize=False))],
            options={"verbose_name": "匿名积分凭据", "verbose_name_plural": "匿名积分凭据"},
        ),
        migrations.CreateModel(
            name="Claim",
            fields=[
                ("claim_hash", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("points", models.PositiveIntegerField(verbose_name="积分")),
                ("ready_on", models.DateField(verbose_name="可领日期")),
            ],
            options={
                "verbose_name": "待领积分",
                "verbose_name_plural": "待领积分",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("points__gte", 1)), name="rewards_claim_has_points")
                ],
            },
        ),
        migrations.CreateModel(
            name="Payout",
            fields=[
                (
                    "public_id",
                    models.CharField(
                        default=qixia.kernel.ids.new_public_id,
                        editable=False,
                        max_length=26,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("owner_ref", models.CharField(max_length=64, verbose_name="户主")),
                ("points", models.PositiveIntegerField(verbose_name="积分")),
                ("since", models.DateField(verbose_name="日期")),
            ],
            options={
                "verbose_name": "待入账积分",
                "verbose_name_plural": "待入账积分",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("points__gte", 1)), name="rewards_payout_has_points")
                ],
            },
        ),
    ]
