"""Postings have a keyed hash from now on; on SQLite what is not balanced is never sealed.

The column is added without making the table anew (SQLite); `mac` stands among what may not be changed.
"""

from django.db import migrations, models

import qixia.kernel.clock
from qixia.audit.append_only import AppendOnly
from qixia.rewards.triggers import PostingsStay, SealedBalance, SignedPostingsStay


class Migration(migrations.Migration):
    dependencies = [("rewards", "0021_lists_of_books")]

    operations = [
        PostingsStay(),  # on the way back, when the table has been made anew
        migrations.CreateModel(
            name="Signing",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("through", models.BigIntegerField(verbose_name="到哪一笔")),
                ("mac", models.CharField(max_length=64)),
                ("at", models.DateTimeField(default=qixia.kernel.clock.now, verbose_name="时间")),
            ],
            options={
                "verbose_name": "记账签名的起点",
                "verbose_name_plural": "记账签名的起点",
            },
        ),
        migrations.AddField(
            model_name="posting",
            name="mac",
            field=models.CharField(max_length=32, null=True),
        ),
        AppendOnly("rewards_signing"),
        SignedPostingsStay(),
        SealedBalance(),
    ]
