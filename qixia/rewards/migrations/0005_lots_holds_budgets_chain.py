"""Points lie in lots by their last day, budgets cover them, some are held first, and a chain seals the books.

The books refuse changes by trigger. SQLite makes the table of postings anew here and loses its triggers, so they are lifted
first and put back on both databases; they keep the new columns too.
"""

import django.db.models.deletion
from django.db import migrations, models

import qixia.kernel.clock
import qixia.kernel.ids
from qixia.audit.append_only import AppendOnly

TABLE = "rewards_posting"
KEPT_BEFORE = (
    "id, key, content_hash, kind, rule, rule_version, act, source, beneficiary, points, nominal, available_after,"
    " reverses_id, actor, at, day, created_at, request_id, quality, campaign, bonus"
)
KEPT = f"{KEPT_BEFORE}, unit, promised, pays_id"


def lift(apps, schema_editor):
    on = f" ON {TABLE}" if schema_editor.connection.vendor == "postgresql" else ""
    for verb in ("update", "delete"):
        schema_editor.execute(f"DROP TRIGGER {TABLE}_no_{verb}{on}", params=None)


def put_back(schema_editor, columns):
    does = (
        "FOR EACH STATEMENT EXECUTE FUNCTION qixia_append_only()"
        if schema_editor.connection.vendor == "postgresql"
        else f"BEGIN SELECT RAISE(ABORT, '{TABLE} is append-only'); END"
    )
    for name, event in (("update", f"update of {columns}"), ("delete", "delete")):
        schema_editor.execute(f"CREATE TRIGGER {TABLE}_no_{name} BEFORE {event} ON {TABLE} {does}", params=None)


def keep_new(apps, schema_editor):
    put_back(schema_editor, KEPT)


def keep_old(apps, schema_editor):
    put_back(schema_editor, KEPT_BEFORE)


def make_room(apps, schema_editor):
    """These rows change all the time and are in no index by what changes: free room in each page keeps them there."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE rewards_slice SET (fillfactor = 40)", params=None)
        schema_editor.execute("ALTER TABLE rewards_lot SET (fillfactor = 80)", params=None)


class Migration(migrations.Migration):

    dependencies = [
        ('rewards', '0004_why_of_awards'),
    ]

    operations = [
        migrations.RunPython(lift, keep_old),
        migrations.CreateModel(
            name='Batch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveBigIntegerField(unique=True, verbose_name='批号')),
                ('first', models.PositiveBigIntegerField(verbose_name='第一位')),
                ('last', models.PositiveBigIntegerField(verbose_name='最后一位')),
                ('through', models.PositiveBigIntegerField(verbose_name='到哪一笔')),
                ('previous', models.CharField(max_length=64, verbose_name='前一批')),
                ('hash', models.CharField(max_length=64, verbose_name='校验值')),
                ('sealed_on', models.DateField(verbose_name='日期')),
            ],
            options={
                'verbose_name': '封存批次',
                'verbose_name_plural': '封存批次',
            },
        ),
        migrations.CreateModel(
            name='Budget',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=qixia.kernel.ids.new_public_id, editable=False, max_length=26, unique=True)),
                ('owner_ref', models.CharField(max_length=64, verbose_name='出资方')),
                ('unit', models.CharField(default='points', max_length=16, verbose_name='单位')),
                ('starts_on', models.DateField(verbose_name='开始')),
                ('ends_on', models.DateField(verbose_name='结束')),
                ('cap', models.BigIntegerField(verbose_name='上限')),
                ('rest', models.BigIntegerField(verbose_name='未分出')),
                ('warned', models.PositiveSmallIntegerField(default=0, verbose_name='已提醒')),
            ],
            options={
                'verbose_name': '积分预算',
                'verbose_name_plural': '积分预算',
            },
        ),
        migrations.CreateModel(
            name='BudgetChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('before', models.BigIntegerField(verbose_name='之前')),
                ('after', models.BigIntegerField(verbose_name='之后')),
                ('reason', models.CharField(max_length=200, verbose_name='理由')),
                ('by', models.CharField(max_length=64, verbose_name='经手')),
                ('at', models.DateTimeField(verbose_name='时间')),
            ],
            options={
                'verbose_name': '预算改动',
                'verbose_name_plural': '预算改动',
            },
        ),
        migrations.CreateModel(
            name='Hold',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=qixia.kernel.ids.new_public_id, editable=False, max_length=26, unique=True)),
                ('owner_ref', models.CharField(max_length=64, verbose_name='户主')),
                ('payer', models.CharField(max_length=64, verbose_name='出资方')),
                ('points', models.PositiveIntegerField(verbose_name='积分')),
                ('given', models.PositiveIntegerField(default=0, verbose_name='给了')),
                ('state', models.CharField(default='open', max_length=10, verbose_name='状态')),
                ('signals', models.CharField(max_length=200, verbose_name='情形')),
                ('sealed_evidence', models.BinaryField(default=b'', verbose_name='依据')),
                ('opened_on', models.DateField(verbose_name='开始')),
                ('due_on', models.DateField(verbose_name='最晚')),
                ('ended_on', models.DateField(null=True, verbose_name='结束')),
                ('decided_by', models.CharField(blank=True, max_length=64, verbose_name='决定人')),
                ('sealed_reason', models.BinaryField(default=b'', verbose_name='理由')),
            ],
            options={
                'verbose_name': '先看后给',
                'verbose_name_plural': '先看后给',
            },
        ),
        migrations.CreateModel(
            name='Link',
            fields=[
                ('position', models.PositiveBigIntegerField(primary_key=True, serialize=False)),
                ('hash', models.CharField(max_length=64, verbose_name='校验值')),
            ],
            options={
                'verbose_name': '封存',
                'verbose_name_plural': '封存',
            },
        ),
        migrations.CreateModel(
            name='Lot',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('expires_on', models.DateField(verbose_name='可用到')),
                ('left', models.BigIntegerField(verbose_name='剩余')),
                ('opening', models.BigIntegerField(default=0, verbose_name='期初')),
                ('warned', models.BooleanField(default=False, verbose_name='已提醒')),
            ],
            options={
                'verbose_name': '积分批次',
                'verbose_name_plural': '积分批次',
            },
        ),
        migrations.CreateModel(
            name='Owed',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('payer', models.CharField(max_length=64, verbose_name='出资方')),
                ('points', models.PositiveIntegerField(verbose_name='积分')),
                ('since', models.DateField(verbose_name='日期')),
                ('state', models.CharField(default='waiting', max_length=10, verbose_name='状态')),
                ('sealed_signals', models.BinaryField(default=b'')),
            ],
            options={
                'verbose_name': '待补积分',
                'verbose_name_plural': '待补积分',
            },
        ),
        migrations.CreateModel(
            name='Replay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(default=qixia.kernel.clock.now, verbose_name='时间')),
                ('seconds', models.FloatField(verbose_name='用时')),
                ('accounts', models.PositiveBigIntegerField(verbose_name='账户')),
                ('postings', models.PositiveBigIntegerField(verbose_name='记账')),
                ('entries', models.PositiveBigIntegerField(verbose_name='分录')),
                ('sealed', models.PositiveBigIntegerField(verbose_name='已封存')),
                ('head', models.CharField(blank=True, max_length=64, verbose_name='链头')),
                ('sound', models.BooleanField(verbose_name='相符')),
                ('findings', models.JSONField(default=dict, verbose_name='不符之处')),
            ],
            options={
                'verbose_name': '核账',
                'verbose_name_plural': '核账',
            },
        ),
        migrations.CreateModel(
            name='Slice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slot', models.PositiveSmallIntegerField(verbose_name='分片')),
                ('left', models.BigIntegerField(default=0, verbose_name='剩余')),
            ],
            options={
                'verbose_name': '预算分片',
                'verbose_name_plural': '预算分片',
            },
        ),
        migrations.RemoveConstraint(
            model_name='account',
            name='rewards_account_kind_known',
        ),
        migrations.RemoveConstraint(
            model_name='posting',
            name='rewards_posting_kind_known',
        ),
        migrations.AddField(
            model_name='entry',
            name='expires_on',
            field=models.DateField(null=True, verbose_name='可用到'),
        ),
        migrations.AddField(
            model_name='posting',
            name='pays',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='paid_by', to='rewards.posting', verbose_name='兑现'),
        ),
        migrations.AddField(
            model_name='posting',
            name='promised',
            field=models.BigIntegerField(db_default=0, default=0, verbose_name='待给'),
        ),
        migrations.AddField(
            model_name='posting',
            name='unit',
            field=models.CharField(db_default='points', default='points', max_length=16, verbose_name='单位'),
        ),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ('available', 'debt', 'held', 'pending', 'budget', 'settlement', 'expired'))), name='rewards_account_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='posting',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ('award', 'reversal', 'spend', 'redeem', 'return', 'expire', 'hold', 'void', 'settle'))), name='rewards_posting_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.UniqueConstraint(fields=('owner_ref', 'unit', 'starts_on'), name='rewards_budget_once'),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.CheckConstraint(condition=models.Q(('ends_on__gte', models.F('starts_on'))), name='rewards_budget_ends_after_start'),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.CheckConstraint(condition=models.Q(('rest__gte', 0), ('cap__gte', models.F('rest'))), name='rewards_budget_rest_in_cap'),
        ),
        migrations.AddField(
            model_name='budgetchange',
            name='budget',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='rewards.budget'),
        ),
        migrations.AddField(
            model_name='hold',
            name='posting',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='hold', to='rewards.posting', verbose_name='记账'),
        ),
        migrations.AddField(
            model_name='link',
            name='posting',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='link', to='rewards.posting', verbose_name='记账'),
        ),
        migrations.AddField(
            model_name='lot',
            name='account',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='lots', to='rewards.account'),
        ),
        migrations.AddField(
            model_name='owed',
            name='posting',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='owed', to='rewards.posting', verbose_name='记账'),
        ),
        migrations.AddIndex(
            model_name='replay',
            index=models.Index(fields=['-at'], name='rewards_replay_latest'),
        ),
        migrations.AddField(
            model_name='slice',
            name='budget',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='slices', to='rewards.budget'),
        ),
        migrations.AddIndex(
            model_name='hold',
            index=models.Index(condition=models.Q(('state', 'open')), fields=['due_on', 'id'], name='rewards_hold_open'),
        ),
        migrations.AddIndex(
            model_name='hold',
            index=models.Index(fields=['owner_ref', 'id'], name='rewards_hold_of_owner'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ('open', 'posted', 'voided', 'timed_out'))), name='rewards_hold_state_known'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(('points__gte', 1)), name='rewards_hold_has_points'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(('given__lte', models.F('points'))), name='rewards_hold_gives_no_more'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_on__isnull', True), ('state', 'open')), models.Q(models.Q(('state', 'open'), _negated=True), ('ended_on__isnull', False)), _connector='OR'), name='rewards_ended_hold_says_when'),
        ),
        migrations.AddIndex(
            model_name='lot',
            index=models.Index(condition=models.Q(('left__gt', 0)), fields=['expires_on', 'id'], name='rewards_lot_due'),
        ),
        migrations.AddConstraint(
            model_name='lot',
            constraint=models.UniqueConstraint(fields=('account', 'expires_on'), name='rewards_lot_once'),
        ),
        migrations.AddConstraint(
            model_name='lot',
            constraint=models.CheckConstraint(condition=models.Q(('left__gte', 0)), name='rewards_lot_not_negative'),
        ),
        migrations.AddIndex(
            model_name='owed',
            index=models.Index(condition=models.Q(('state', 'waiting')), fields=['payer', 'id'], name='rewards_owed_waiting'),
        ),
        migrations.AddConstraint(
            model_name='owed',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ('waiting', 'paid', 'dropped'))), name='rewards_owed_state_known'),
        ),
        migrations.AddConstraint(
            model_name='owed',
            constraint=models.CheckConstraint(condition=models.Q(('points__gte', 1)), name='rewards_owed_has_points'),
        ),
        migrations.AddConstraint(
            model_name='slice',
            constraint=models.UniqueConstraint(fields=('budget', 'slot'), name='rewards_slice_once'),
        ),
        migrations.AddConstraint(
            model_name='slice',
            constraint=models.CheckConstraint(condition=models.Q(('left__gte', 0)), name='rewards_slice_not_negative'),
        ),
        migrations.RunPython(keep_new, lift),
        AppendOnly("rewards_batch"),
        AppendOnly("rewards_link"),
        migrations.RunPython(make_room, migrations.RunPython.noop),
    ]
