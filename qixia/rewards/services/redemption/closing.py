"""Shops that are suspended or leave: their items are hidden, their vouchers wait, come back, or are honoured.

Truth    Closure rows, written by whoever decides about shops (packages above). What the policy says that day holds.
Points   what comes back comes back whole, whatever the rules say of a rider's own cancelling: the rider is not to blame.
Retries  closing a closed shop, opening an open one: nothing. `end_of_closed` does the rest, a batch at a time.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F

from qixia.audit.services import record
from qixia.kernel import clock
from qixia.notices.services import Tell, tell_many
from qixia.people.access import SYSTEM
from qixia.people.queries import Org, organisations_by_id
from qixia.policy.queries import current
from qixia.rewards import closing, states
from qixia.rewards.models import Closure, Voucher
from qixia.rewards.services.redemption.ending import give_back

BATCH = 200
_TOLD_AT_ONCE = 500
_MINUTE = timedelta(minutes=1)


@transaction.atomic
def close_merchant(*, merchant_id: int, actor: str, final: bool = False) -> None:
    """Take no vouchers of a shop (key of its organisation) from now on, for a while or for good."""
    shop = organisations_by_id([merchant_id])[merchant_id]
    there = Closure.objects.select_for_update().filter(merchant_id=shop.id, ended_at=None).first()
    if there is not None and (there.is_final or not final):
        return
    terms: closing.ClosingPolicy = current("rewards.closing").data
    way, now = terms.gone if final else terms.paused, clock.now()
    if there is not None:
        _end(there, now)
    try:
        with transaction.atomic():
            Closure.objects.create(merchant_id=shop.id, vouchers=way, is_final=final, since=now)
    except IntegrityError:  # somebody closed it at the same moment
        return
    record("rewards.merchant_closed", subject=f"organisation:{shop.public_id}", actor=actor, vouchers=way, final=final)
    if way == closing.EXTEND:
        _tell_held(shop, "voucher.paused", f"closed|{now.isoformat()}")


@transaction.atomic
def open_merchant(*, merchant_id: int, actor: str) -> None:
    """Take vouchers again. Those that waited hold so many days longer."""
    there = Closure.objects.select_for_update().filter(merchant_id=merchant_id, ended_at=None).first()
    if there is None:
        return
    shop, now = organisations_by_id([merchant_id])[merchant_id], clock.now()
    _end(there, now)
    record("rewards.merchant_opened", subject=f"organisation:{shop.public_id}", actor=actor)
    if there.vouchers == closing.EXTEND:
        _tell_held(shop, "voucher.goes_on", f"opened|{now.isoformat()}")


def _end(closure: Closure, now: datetime) -> None:
    """A time that was booked stays what it is: it ends by itself, with all of its points."""
    Closure.objects.filter(pk=closure.pk).update(ended_at=now)
    if closure.vouchers != closing.EXTEND:
        return
    held = Voucher.objects.filter(merchant_id=closure.merchant_id, state__in=states.USABLE, slot=None)
    held.update(expires_at=F("expires_at") + closing.longer(now - closure.since))


def _tell_held(shop: Org, template: str, key: str) -> None:
    held = Voucher.objects.filter(merchant_id=shop.id, state__in=states.USABLE).order_by("pk")
    fields = ("pk", "public_id", "person_id", "name", "expires_at")
    after = 0
    while rows := list(held.filter(pk__gt=after).values_list(*fields)[:_TOLD_AT_ONCE]):
        after = rows[-1][0]
        tell_many(
            Tell(
                person_id=person,
                template=template,
                params={"name": name, "shop": shop.name, "until": f"{clock.city_time(ends - _MINUTE):%Y-%m-%d}"},
                link=f"/vouchers/{public_id}",
                key=f"voucher|{public_id}|{key}",
            )
            for _pk, public_id, person, name, ends in rows
        )


@transaction.atomic
def end_of_closed(*, limit: int = BATCH) -> int:
    """Give vouchers of closed shops back, all of their points, where that is the way. Returns how many."""
    shops = Closure.objects.filter(ended_at=None, vouchers=closing.RETURN).values("merchant_id")
    found = Voucher.objects.filter(merchant_id__in=shops, state__in=states.USABLE)
    rows = list(
        found.select_related("person", "merchant", "slot", "item")
        .order_by("pk")
        .select_for_update(skip_locked=True, of=("self",))[:limit]
    )
    if not rows:
        return 0
    now = clock.now()
    Voucher.objects.filter(pk__in=[row.pk for row in rows]).update(state=states.result("cancel"), ended_at=now)
    for row in rows:
        row.state, row.ended_at = states.CANCELLED, now
    give_back(rows, step="cancel", actor=SYSTEM.ref, percent=100)
    tell_many(
        Tell(
            person_id=row.person_id,
            template="voucher.given_back",
            params={"name": row.name, "shop": row.merchant.name, "points": row.returned},
            link=f"/vouchers/{row.public_id}",
            key=f"voucher|{row.public_id}|closed",
        )
        for row in rows
    )
    return len(rows)
