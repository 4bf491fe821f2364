"""Vouchers: reserve.

Locks    always in the order voucher → purses → item, so no two steps wait for each other in a circle. A person's own
         purse is locked before limits are counted, so the limit per person holds under any concurrency.
Points   available → held, from the lots that end first.
Retries  the same client key returns the same voucher.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import F

from qixia.kernel import clock, ids
from qixia.kernel.errors import NotAllowed
from qixia.people.access import Actor
from qixia.policy import queries as policy
from qixia.rewards import rules
from qixia.rewards.errors import ItemGone, KeyReused, LimitReached, NoSuchItem, NotEnoughPoints, SoldOut
from qixia.rewards.models import Item, Voucher
from qixia.rewards.services import books, telling
from qixia.rewards.services.points import KIND
from qixia.rewards.services.redemption.posting import check_key, post


@transaction.atomic
def reserve(*, actor: Actor, item: str, client_key: str) -> Voucher:
    """Spend points on one piece of `item` (public id). The same client key returns the voucher it made first."""
    if actor.person_id is None or not actor.has("rider"):
        raise NotAllowed
    check_key(client_key)
    purse = books.lock_purses([actor.ref], need=(rules.AVAILABLE, rules.HELD), lots=True)[actor.ref]
    wanted = Item.objects.select_related("merchant").filter(public_id=item).first()
    if wanted is None:
        raise NoSuchItem
    earlier = Voucher.objects.filter(person_id=actor.person_id, client_key=client_key).first()
    if earlier is not None:
        if earlier.item_id != wanted.pk:
            raise KeyReused(field="client_key")
        return earlier
    _may_have(wanted, actor.person_id, purse)
    if not Item.objects.filter(pk=wanted.pk, active=True, stock__gte=1).update(stock=F("stock") - 1):
        raise SoldOut(name=wanted.name)
    voucher = _new_voucher(wanted, actor.person_id, client_key)
    post(
        voucher,
        purse=purse,
        step="reserve",
        kind=rules.SPEND,
        actor=actor.ref,
        points=-voucher.price,
        nominal=-voucher.price,
        lines=[*books.spend(purse, voucher.price), books.move(purse.pots[rules.HELD], voucher.price)],
    )
    telling.stepped("reserve", [voucher], actor=actor.ref)
    return voucher


def _may_have(item: Item, person_id: int, purse: books.Purse) -> None:
    if not item.active:
        raise ItemGone(name=item.name)
    if item.limit_per_person is not None:
        mine = Voucher.objects.filter(Voucher.COUNTS, person_id=person_id, item=item)
        if item.limit_days is not None:
            mine = mine.filter(created_at__gt=clock.now() - timedelta(days=item.limit_days))
        if mine.count() >= item.limit_per_person:
            raise LimitReached(name=item.name, limit=item.limit_per_person)
    if item.stock < 1:
        raise SoldOut(name=item.name)
    if purse.balance(rules.AVAILABLE) < item.price:
        raise NotEnoughPoints(needed=item.price, balance=purse.balance(rules.AVAILABLE))


def _new_voucher(item: Item, person_id: int, client_key: str) -> Voucher:
    now = clock.now()
    # The unique index decides; drawing a few at once makes a collision among 10^8 numbers a matter of one query.
    drawn = [ids.new_number() for _ in range(4)]
    taken = set(Voucher.objects.filter(number__in=drawn).values_list("number", flat=True))
    last_day = clock.city_date(now) + timedelta(days=item.valid_days)
    return Voucher.objects.create(
        number=next(number for number in drawn if number not in taken),
        item=item,
        person_id=person_id,
        merchant=item.merchant,
        name=item.name,
        price=item.price,
        face_value_fen=item.face_value_fen,
        by_amount=item.by_amount,
        total=(item.face_value_fen or 0) if item.by_amount else item.parts,
        rule_version=policy.current(KIND).version,
        created_at=now,
        # Through the whole of the last day: nobody loses a lunch to the minute of the hour of ordering.
        expires_at=clock.city_day(last_day)[1],
        client_key=client_key,
    )
