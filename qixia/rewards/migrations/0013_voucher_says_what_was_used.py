"""Who took a voucher, when and under which key stands in its uses."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("rewards", "0012_first_uses")]

    operations = [
        migrations.RemoveConstraint(
            model_name='voucher',
            name='rewards_voucher_state_known',
        ),
        migrations.RemoveConstraint(
            model_name='voucher',
            name='rewards_redeemed_says_when_and_who',
        ),
        migrations.RemoveConstraint(
            model_name='voucher',
            name='rewards_ended_voucher_says_when',
        ),
        migrations.RemoveIndex(
            model_name='voucher',
            name='rewards_voucher_of_merchant',
        ),
        migrations.RemoveField(
            model_name='voucher',
            name='redeem_key',
        ),
        migrations.RemoveField(
            model_name='voucher',
            name='redeemed_at',
        ),
        migrations.RemoveField(
            model_name='voucher',
            name='redeemed_by',
        ),
        migrations.AddConstraint(
            model_name='item',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('by_amount', False), ('parts__gte', 1)), models.Q(('by_amount', True), ('face_value_fen__gte', 1), ('parts', 1)), _connector='OR'), name='rewards_item_has_parts', violation_error_message='按金额分次用的要写面值，次数留 1'),
        ),
        migrations.AddConstraint(
            model_name='voucher',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ('reserved', 'part_used', 'redeemed', 'expired', 'cancelled'))), name='rewards_voucher_state_known'),
        ),
        migrations.AddConstraint(
            model_name='voucher',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'reserved'), ('used', 0)), models.Q(('state', 'part_used'), ('used__gte', 1), ('used__lt', models.F('total'))), models.Q(('state', 'redeemed'), ('used', models.F('total'))), models.Q(('state__in', ('expired', 'cancelled')), ('used__lt', models.F('total'))), _connector='OR'), name='rewards_voucher_used_as_it_says'),
        ),
        migrations.AddConstraint(
            model_name='voucher',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('state__in', ('reserved', 'part_used'))), models.Q(models.Q(('state__in', ('reserved', 'part_used')), _negated=True), ('ended_at__isnull', False)), _connector='OR'), name='rewards_over_voucher_says_when'),
        ),
    ]
