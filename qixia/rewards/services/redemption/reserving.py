"""Vouchers: reserve.

Locks    always in the order voucher → purses → item → slot → waiting, so no two steps wait for each other in a circle. A
         person's own purse is locked before limits are counted, so the limit per person holds under any concurrency.
Points   available → held, from the lots that end first.
Retries  the same client key returns the same voucher.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from qixia.kernel import clock, ids
from qixia.kernel.errors import NotAllowed
from qixia.people.access import Actor
from qixia.policy import queries as policy
from qixia.rewards import booking, rules
from qixia.rewards.errors import KeyReused, NoSuchItem, NotEnoughPoints, PriceChanged, SlotFull, SoldOut
from qixia.rewards.models import Item, Slot, Voucher
from qixia.rewards.queries.terms import booking_terms
from qixia.rewards.queries.words import slot_words
from qixia.rewards.services import books, telling
from qixia.rewards.services.points import KIND
from qixia.rewards.services.redemption.allowing import check_may_have, open_slot
from qixia.rewards.services.redemption.pieces import take_piece
from qixia.rewards.services.redemption.posting import check_key, post
from qixia.rewards.services.redemption.waiting import stop_waiting, take_offer


@transaction.atomic
def reserve(
    *, actor: Actor, item: str, client_key: str, slot: str | None = None, seen_price: int | None = None
) -> Voucher:
    """Spend points on one piece of `item` (public id), at a time (`slot`) where the item has such. What is kept for who
    waited is used up first. The same client key returns the voucher it made first. PriceChanged when the rider agreed to
    another price (`seen_price`)."""
    if actor.person_id is None or not actor.has("rider"):
        raise NotAllowed
    check_key(client_key)
    purse = books.lock_purses([actor.ref], need=(rules.AVAILABLE, rules.HELD), lots=True)[actor.ref]
    wanted = Item.objects.select_related("merchant").filter(public_id=item).first()
    if wanted is None:
        raise NoSuchItem
    earlier = _earlier(actor.person_id, client_key)
    if earlier is not None:
        if earlier.item_id != wanted.pk or (earlier.slot.public_id if earlier.slot else None) != (slot or None):
            raise KeyReused(field="client_key")
        return earlier
    if seen_price is not None and seen_price != wanted.price:
        raise PriceChanged(name=wanted.name, price=wanted.price)
    check_may_have(actor, wanted)
    place = open_slot(wanted, slot)
    _take(wanted, place, actor.person_id)
    if purse.balance(rules.AVAILABLE) < wanted.price:
        raise NotEnoughPoints(needed=wanted.price, balance=purse.balance(rules.AVAILABLE))
    voucher = _new_voucher(wanted, place, actor.person_id, client_key)
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


def _earlier(person_id: int, client_key: str) -> Voucher | None:
    mine = Voucher.objects.select_related("slot").filter(person_id=person_id)
    return mine.filter(client_key=client_key).first()


def _take(item: Item, slot: Slot | None, person_id: int) -> None:
    """A piece and a place: what is kept for this rider, else what is free."""
    slot_id = slot.pk if slot else None
    if take_offer(person_id, item.pk, slot_id):
        return
    if not take_piece(item.pk, slot_id):
        if slot and Item.objects.filter(pk=item.pk, stock__gte=1).exists():
            raise SlotFull(field="slot", when=slot_words(slot))
        raise SoldOut(name=item.name)
    stop_waiting(person_id, item.pk, slot_id)


def _new_voucher(item: Item, slot: Slot | None, person_id: int, client_key: str) -> Voucher:
    now = clock.now()
    opens_at, expires_at = _usable(item, slot)
    # The unique index decides; drawing a few at once makes a collision among 10^8 numbers a matter of one query.
    drawn = [ids.new_number() for _ in range(4)]
    taken = set(Voucher.objects.filter(number__in=drawn).values_list("number", flat=True))
    return Voucher.objects.create(
        number=next(number for number in drawn if number not in taken),
        item=item,
        person_id=person_id,
        merchant=item.merchant,
        name=item.name,
        price=item.price,
        face_value_fen=item.face_value_fen,
        settle_fen=item.settle_fen,
        by_amount=item.by_amount,
        total=(item.face_value_fen or 0) if item.by_amount else item.parts,
        rule_version=policy.current(KIND).version,
        created_at=now,
        slot=slot,
        reminded_at=known_at(slot) if slot else None,
        opens_at=opens_at,
        windows=item.windows,
        terms=item.terms,
        expires_at=expires_at,
        client_key=client_key,
    )


def _usable(item: Item, slot: Slot | None) -> tuple[datetime | None, datetime]:
    if slot is not None:
        return booking.window(booking_terms(), slot.starts_at, slot.ends_at)
    # Through the whole of the last day: nobody loses a lunch to the minute of the hour of ordering.
    last_day = clock.city_date(clock.now()) + timedelta(days=item.valid_days)
    return None, clock.city_day(last_day)[1]


def known_at(slot: Slot) -> datetime | None:
    """Who books a slot that is near knows of it: no reminder an hour later."""
    now = clock.now()
    return now if slot.starts_at - now <= timedelta(hours=booking_terms().remind_hours) else None
