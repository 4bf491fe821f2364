"""Hours and terms of a voucher are those of the day of reserving; what was reserved before gets those of its item."""

from django.db import migrations, models


def fill(apps, schema_editor):
    voucher, item = apps.get_model("rewards", "Voucher"), apps.get_model("rewards", "Item")
    says_something = item.objects.exclude(windows="", terms="").order_by("pk")
    for pk, windows, terms in says_something.values_list("pk", "windows", "terms"):
        voucher.objects.filter(item_id=pk).update(windows=windows, terms=terms)


class Migration(migrations.Migration):
    dependencies = [("rewards", "0017_item_by_amount_has_a_value")]

    operations = [
        migrations.AddField(
            model_name="voucher",
            name="terms",
            field=models.TextField(blank=True, db_default="", default="", max_length=400, verbose_name="使用说明"),
        ),
        migrations.AddField(
            model_name="voucher",
            name="windows",
            field=models.CharField(blank=True, db_default="", default="", max_length=300, verbose_name="可用时段"),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
