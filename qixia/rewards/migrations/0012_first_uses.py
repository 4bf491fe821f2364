"""What was redeemed before vouchers had parts gets its use, with the posting that is there for it."""

from django.db import migrations

from qixia.audit.append_only import AppendOnly
from qixia.kernel.ids import new_public_id

PIECE = 1000


def write_uses(apps, schema_editor):
    voucher, use = apps.get_model("rewards", "Voucher"), apps.get_model("rewards", "Use")
    posting, last = apps.get_model("rewards", "Posting"), 0
    redeemed = voucher.objects.filter(state="redeemed").order_by("pk")
    keys = set()
    while rows := list(redeemed.filter(pk__gt=last)[:PIECE]):
        sources = {f"voucher:{row.public_id}": row for row in rows}
        found = posting.objects.filter(source__in=sources, kind="redeem").order_by("pk").values_list("source", "pk")
        postings = dict(found)
        use.objects.bulk_create(
            use(
                public_id=new_public_id(),
                voucher=row,
                merchant_id=row.merchant_id,
                by_id=row.redeemed_by_id,
                posting_id=postings[source],
                units=1,
                points=row.price,
                fen=row.face_value_fen or 0,
                taken_at=row.redeemed_at,
                at=row.redeemed_at,
                redeem_key=_own_key(row, keys),
            )
            for source, row in sources.items()
        )
        voucher.objects.filter(pk__in=[row.pk for row in rows]).update(used=1)
        last = rows[-1].pk


def _own_key(row, keys):
    """Keys were told apart by who took; now they are by shop."""
    key = row.redeem_key
    if not key or (row.merchant_id, key) in keys:
        key = row.public_id
    keys.add((row.merchant_id, key))
    return key


class Migration(migrations.Migration):
    dependencies = [("rewards", "0011_parts")]

    operations = [
        migrations.RunPython(write_uses, migrations.RunPython.noop),
        AppendOnly("rewards_use"),
    ]
