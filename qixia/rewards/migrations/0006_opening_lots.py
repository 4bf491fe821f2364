"""What riders have already lies in a first lot, which ends at the end of the month a year from now.

Its entries have no day, so the lot says how much of it they are (`opening`); the sum of all lots is the balance from the
first moment on. Nobody loses anything by it: a year is what the rules as shipped give to points of today.
"""

import calendar
from datetime import timedelta

from django.db import migrations

from qixia.kernel import clock

PIECE = 1000


def open_lots(apps, schema_editor):
    account, lot, last = apps.get_model("rewards", "Account"), apps.get_model("rewards", "Lot"), 0
    end = clock.city_date(clock.now()) + timedelta(days=365)
    end = end.replace(day=calendar.monthrange(end.year, end.month)[1])
    purses = account.objects.filter(kind="available", unit="points", balance__gt=0).order_by("pk")
    while rows := list(purses.filter(pk__gt=last)[:PIECE]):
        lot.objects.bulk_create(
            lot(account=row, expires_on=end, left=row.balance, opening=row.balance) for row in rows
        )
        last = rows[-1].pk


class Migration(migrations.Migration):
    dependencies = [("rewards", "0005_lots_holds_budgets_chain")]

    operations = [migrations.RunPython(open_lots, migrations.RunPython.noop)]
