"""An auditor may acknowledge a late posting; proofs keep digests of what they found sound.

A migration before made the table of postings anew on SQLite, which lost its triggers there: they are put back.
"""

import django.db.models.deletion
from django.db import migrations, models

import qixia.kernel.clock
from qixia.audit.append_only import AppendOnly
from qixia.rewards.triggers import PostingsStay


class Migration(migrations.Migration):
    dependencies = [
        ("rewards", "0015_closures"),
    ]

    operations = [
        migrations.CreateModel(
            name="Digest",
            fields=[
                ("number", models.PositiveBigIntegerField(primary_key=True, serialize=False, verbose_name="批号")),
                ("value", models.CharField(max_length=64, verbose_name="校验值")),
            ],
            options={
                "verbose_name": "批次摘要",
                "verbose_name_plural": "批次摘要",
            },
        ),
        migrations.AddField(
            model_name="replay",
            name="through",
            field=models.PositiveBigIntegerField(db_default=0, default=0, verbose_name="核到哪一批"),
        ),
        migrations.AddField(
            model_name="replay",
            name="whole",
            field=models.BooleanField(db_default=True, default=True, verbose_name="全部重算"),
        ),
        migrations.CreateModel(
            name="Acknowledgement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.CharField(max_length=200, verbose_name="理由")),
                ("by", models.CharField(max_length=64, verbose_name="经手")),
                ("at", models.DateTimeField(default=qixia.kernel.clock.now, verbose_name="时间")),
                (
                    "posting",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="acknowledged",
                        to="rewards.posting",
                        verbose_name="记账",
                    ),
                ),
            ],
            options={
                "verbose_name": "迟到记账的说明",
                "verbose_name_plural": "迟到记账的说明",
            },
        ),
        AppendOnly("rewards_acknowledgement"),
        PostingsStay(),
    ]
