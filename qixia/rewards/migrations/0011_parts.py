"""Vouchers that are used in parts: each use is a row."""

import django.db.models.deletion
import qixia.kernel.ids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('media', '0010_transfers'),
        ('people', '0005_deputies'),
        ('rewards', '0010_tills'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Use',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=qixia.kernel.ids.new_public_id, editable=False, max_length=26, unique=True)),
                ('units', models.PositiveIntegerField(verbose_name='用掉')),
                ('points', models.PositiveIntegerField(verbose_name='积分')),
                ('fen', models.PositiveIntegerField(verbose_name='金额（分）')),
                ('taken_at', models.DateTimeField(verbose_name='收券时间')),
                ('at', models.DateTimeField(verbose_name='入账时间')),
                ('redeem_key', models.CharField(max_length=64)),
                ('offline', models.BooleanField(default=False, verbose_name='离线收的')),
            ],
            options={
                'verbose_name': '收券',
                'verbose_name_plural': '收券',
            },
        ),
        migrations.AddField(
            model_name='item',
            name='by_amount',
            field=models.BooleanField(db_default=False, default=False, verbose_name='按金额分次用'),
        ),
        migrations.AddField(
            model_name='item',
            name='parts',
            field=models.PositiveIntegerField(db_default=1, default=1, verbose_name='可用次数'),
        ),
        migrations.AddField(
            model_name='item',
            name='windows',
            field=models.CharField(blank=True, db_default='', default='', max_length=300, verbose_name='可用时段'),
        ),
        migrations.AddField(
            model_name='voucher',
            name='by_amount',
            field=models.BooleanField(db_default=False, default=False, verbose_name='按金额分次用'),
        ),
        migrations.AddField(
            model_name='voucher',
            name='opens_at',
            field=models.DateTimeField(help_text='空：马上', null=True, verbose_name='几时起可用'),
        ),
        migrations.AddField(
            model_name='voucher',
            name='total',
            field=models.PositiveIntegerField(db_default=1, default=1, verbose_name='共可用'),
        ),
        migrations.AddField(
            model_name='voucher',
            name='used',
            field=models.PositiveIntegerField(db_default=0, default=0, verbose_name='已用'),
        ),
        migrations.AlterField(
            model_name='voucher',
            name='state',
            field=models.CharField(choices=[('reserved', '待使用'), ('part_used', '用了一部分'), ('redeemed', '已使用'), ('expired', '已过期'), ('cancelled', '已退回')], default='reserved', max_length=10, verbose_name='状态'),
        ),
        migrations.AddField(
            model_name='use',
            name='by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='收券人'),
        ),
        migrations.AddField(
            model_name='use',
            name='device',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='rewards.tilldevice'),
        ),
        migrations.AddField(
            model_name='use',
            name='merchant',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.organisation', verbose_name='商家'),
        ),
        migrations.AddField(
            model_name='use',
            name='posting',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='use', to='rewards.posting', verbose_name='记账'),
        ),
        migrations.AddField(
            model_name='use',
            name='voucher',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='uses', to='rewards.voucher', verbose_name='兑换券'),
        ),
        migrations.AddIndex(
            model_name='use',
            index=models.Index(fields=['merchant', 'at'], name='rewards_use_of_merchant'),
        ),
        migrations.AddConstraint(
            model_name='use',
            constraint=models.UniqueConstraint(fields=('merchant', 'redeem_key'), name='rewards_use_once_per_key'),
        ),
        migrations.AddConstraint(
            model_name='use',
            constraint=models.CheckConstraint(condition=models.Q(('units__gte', 1)), name='rewards_use_takes_something'),
        ),
    ]
