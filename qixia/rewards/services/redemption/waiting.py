"""Lines for what is gone. What comes back is kept for who waits first, then for the next.

Truth    the Waiting rows; while one is `offered`, its piece is out of the stock (and out of the slot's free places).
Locks    the item first, then the row of the line (pieces.py says the whole order).
Errors   NothingToWaitFor while there is a free piece; LineFull; the item's own refusals. Nothing has changed then.
Retries  `wait` twice is one row; `leave` of an ended row returns it. Offers are made in the transaction that brought the
         piece back; what a crash or a race left over, `settle_lines` finds within minutes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from django.db import transaction
from django.db.models import F, Q, QuerySet

from qixia.audit.services import Act, record, record_many
from qixia.jobs.registry import declare_event
from qixia.jobs.services import Happened, publish_many
from qixia.kernel import clock
from qixia.kernel.errors import NotAllowed
from qixia.notices.services import Tell, tell_many
from qixia.people.access import SYSTEM, Actor
from qixia.rewards import booking, states
from qixia.rewards.access import closed_shops, own_waiting, shown_item
from qixia.rewards.errors import LineFull, NothingToWaitFor
from qixia.rewards.models import Item, Slot, Voucher, Waiting
from qixia.rewards.queries.terms import booking_terms
from qixia.rewards.queries.words import slot_words
from qixia.rewards.services.redemption.allowing import check_may_have, open_slot
from qixia.rewards.services.redemption.pieces import give_piece, lock_item, take_piece

OFFERED = declare_event("rewards.offered")
BATCH = 200
Line = tuple[int, int | None]  # an item, and one of its slots


@transaction.atomic
def wait(*, actor: Actor, item: str, slot: str | None = None) -> Waiting:
    """Stand in line for an item, or for one slot of it. Points are asked for only when it is taken."""
    if actor.person_id is None or not actor.has("rider"):
        raise NotAllowed
    wanted = shown_item(item)
    lock_item(wanted.pk)
    wanted.refresh_from_db(fields=["stock", "active", "has_slots"])
    place = open_slot(wanted, slot)
    slot_id = place.pk if place else None
    mine = Waiting.objects.filter(person_id=actor.person_id, state__in=states.WAITING_OPEN)
    same = mine.filter(_of_slot(slot_id), item=wanted).first()
    if same is not None:
        return same
    check_may_have(actor, wanted)
    if _is_there(wanted, place):
        raise NothingToWaitFor(name=wanted.name)
    most = booking_terms().most_waiting
    if mine.count() >= most:
        raise LineFull(most=most)
    row = Waiting.objects.create(item=wanted, slot=place, person_id=actor.person_id, since=clock.now())
    record("rewards.waiting_began", subject=f"waiting:{row.public_id}", actor=actor.ref, item=wanted.public_id)
    return row


def _is_there(item: Item, slot: Slot | None) -> bool:
    has_place = slot is None or slot.taken < slot.capacity
    return item.stock > 0 and has_place and not _line(item.pk, slot.pk if slot else None).exists()


@transaction.atomic
def leave(*, actor: Actor, waiting: str) -> Waiting:
    """Leave the line, or let go of what is kept: the next one gets it at once."""
    row = own_waiting(actor, waiting)
    lock_item(row.item_id)
    had = _end(row, "leave")
    row.refresh_from_db()
    if had is None:
        return row
    record("rewards.waiting_left", subject=f"waiting:{row.public_id}", actor=actor.ref)
    if had == states.OFFERED:
        give_piece(row.item_id, row.slot_id)
        offer_next(row.item_id, row.slot_id)
    return row


def offer_next(item_id: int, slot_id: int | None = None) -> Waiting | None:
    """Keep a free piece for who waits first, if there are both and time to take it. In the caller's transaction."""
    line = _line(item_id, slot_id).exclude(item__merchant_id__in=closed_shops())
    first = line.first()
    if first is None or not _may_be_kept(first.slot) or not take_piece(item_id, slot_id):
        return None
    # Whoever is leaving at this moment is passed over: nobody waits for a row of the line here.
    row = _line(item_id, slot_id).select_for_update(skip_locked=True, of=("self",)).order_by("pk").first()
    if row is None:
        give_piece(item_id, slot_id)
        return None
    now = clock.now()
    row.state, row.offered_until = (
        states.OFFERED,
        booking.kept_until(booking_terms(), now, row.slot.starts_at if row.slot else None),
    )
    row.save(update_fields=["state", "offered_until"])
    record("rewards.offered", subject=f"waiting:{row.public_id}", actor=SYSTEM.ref, item=row.item.public_id)
    publish_many([Happened(OFFERED, f"waiting:{row.public_id}", {"item_id": item_id, "person_id": row.person_id})])
    tell_many([_tell(row, "voucher.offered")])
    return row


def _may_be_kept(slot: Slot | None) -> bool:
    """What nobody may book any more is offered to nobody."""
    return slot is None or booking.bookable_until(booking_terms(), slot.starts_at) > clock.now()


def take_offer(person_id: int, item_id: int, slot_id: int | None) -> bool:
    """Use up what is kept for this rider, in the transaction that makes the voucher. False: nothing is kept."""
    now = clock.now()
    mine = Waiting.objects.filter(
        _of_slot(slot_id), person_id=person_id, item_id=item_id, state=states.OFFERED, offered_until__gt=now
    )
    return bool(mine.update(state=states.TAKEN, ended_at=now))


def stop_waiting(person_id: int, item_id: int, slot_id: int | None) -> None:
    """Whoever found a free piece needs no place in the line any more. After the piece was taken: the item is locked before
    a row of its line."""
    in_line = Waiting.objects.filter(_of_slot(slot_id), person_id=person_id, item_id=item_id, state=states.IN_LINE)
    in_line.update(state=states.TAKEN, ended_at=clock.now())


def came_back(vouchers: Collection[Voucher]) -> None:
    """Pieces of vouchers that ended unused: into stock, and on to who waits. In the caller's transaction."""
    pairs = Counter((row.item_id, row.slot_id) for row in vouchers)
    for item_id, slot_id in _in_order(pairs):
        give_piece(item_id, slot_id, pieces=pairs[item_id, slot_id])
    offer_all(pairs)


def offer_all(pairs: Iterable[Line]) -> int:
    """Offer whatever is free to these lines until stock or line is at its end. Returns how many."""
    found = 0
    for item_id, slot_id in _in_order(pairs):
        while offer_next(item_id, slot_id):
            found += 1
    return found


def offer_item(item_id: int) -> int:
    """What came into stock, to all lines of the item. In the caller's transaction."""
    lines = Waiting.objects.filter(item_id=item_id, state=states.IN_LINE).order_by()
    return offer_all(set(lines.values_list("item_id", "slot_id")))


def settle_lines(*, limit: int = BATCH) -> int:
    """The job: offers whose time is over go to the next, lines of slots that began end, free pieces find who waits.
    Each line in a transaction of its own. Returns how many steps were made."""
    now = clock.now()
    over = Waiting.objects.filter(state=states.OFFERED, offered_until__lte=now)
    begun = Waiting.objects.filter(state__in=states.WAITING_OPEN, slot__starts_at__lte=now)
    done = sum(_lapse(pk) for pk in over.order_by("pk").values_list("pk", flat=True)[:limit])
    done += sum(_lapse(pk) for pk in begun.order_by("pk").values_list("pk", flat=True)[:limit])
    has_place = Q(slot=None) | Q(slot__taken__lt=F("slot__capacity"))
    lines = Waiting.objects.filter(has_place, state=states.IN_LINE, item__active=True, item__stock__gte=1)
    for pair in _in_order(lines.order_by().values_list("item_id", "slot_id").distinct()):
        with transaction.atomic():
            done += offer_all([pair])
    return done


@transaction.atomic
def _lapse(pk: int) -> int:
    row = Waiting.objects.select_related("item", "slot").get(pk=pk)
    lock_item(row.item_id)
    had = _end(row, "lapse")
    if had is None:
        return 0
    record("rewards.waiting_lapsed", subject=f"waiting:{row.public_id}", actor=SYSTEM.ref, had=had)
    tell_many([_tell(row, "voucher.offer_lapsed" if had == states.OFFERED else "voucher.wait_over")])
    if had == states.OFFERED:
        give_piece(row.item_id, row.slot_id)
        offer_next(row.item_id, row.slot_id)
    return 1


def end_line(slot: Slot) -> None:
    """Nobody waits for a slot that does not take place. In the caller's transaction, which has locked the item."""
    _end_all(Waiting.objects.filter(slot=slot))


def end_other_lines(item: Item) -> None:
    """An item changed between having times and having none: its lines of the other sort lead to nothing any more. In the
    caller's transaction, which has locked the item."""
    _end_all(Waiting.objects.filter(item=item, slot__isnull=item.has_slots))


def _end_all(lines: QuerySet[Waiting]) -> None:
    rows = list(lines.select_related("item", "slot").filter(state__in=states.WAITING_OPEN).order_by("pk"))
    kept = [row for row in rows if _end(row, "lapse") == states.OFFERED]
    for row in kept:
        give_piece(row.item_id, row.slot_id)
    record_many(Act("rewards.waiting_lapsed", f"waiting:{row.public_id}", SYSTEM.ref, {}) for row in rows)
    tell_many(_tell(row, "voucher.wait_over") for row in rows)


@transaction.atomic
def forget_waiting(*, person: str) -> int:
    """Somebody left: out of every line, what was kept goes on. Returns how many rows are gone."""
    mine = Waiting.objects.filter(person__public_id=person)
    for item_id in sorted(set(mine.values_list("item_id", flat=True))):
        lock_item(item_id)
    kept = list(mine.filter(state=states.OFFERED).values_list("item_id", "slot_id"))
    gone, _by_table = mine.delete()
    if gone:
        record("rewards.waiting_forgotten", subject=f"person:{person}", actor=SYSTEM.ref, lines=gone)
    for item_id, slot_id in kept:
        give_piece(item_id, slot_id)
    offer_all(set(kept))
    return gone


def _in_order(pairs: Iterable[Line]) -> list[Line]:
    """The order in which items and slots are locked, everywhere."""
    return sorted(pairs, key=lambda pair: (pair[0], pair[1] or 0))


def _line(item_id: int, slot_id: int | None) -> QuerySet[Waiting]:
    rows = Waiting.objects.select_related("item", "slot")
    return rows.filter(_of_slot(slot_id), item_id=item_id, state=states.IN_LINE)


def _of_slot(slot_id: int | None) -> Q:
    return Q(slot__isnull=True) if slot_id is None else Q(slot_id=slot_id)


def _end(row: Waiting, step: str) -> str | None:
    """Take an open row out of the line; what it was before, None if it had ended."""
    for before in states.WAITING_OPEN:
        ended = Waiting.objects.filter(pk=row.pk, state=before).update(
            state=states.WAITING_STEPS[step][1], ended_at=clock.now()
        )
        if ended:
            return before
    return None


def _tell(row: Waiting, template: str) -> Tell:
    until = row.offered_until
    return Tell(
        person_id=row.person_id,
        template=template,
        params={
            "name": row.item.name,
            "when": slot_words(row.slot) if row.slot else "",
            "until": f"{clock.city_time(until):%m-%d %H:%M}" if until else "",
        },
        link=f"/redeem/{row.item.public_id}",
        key=f"waiting|{row.public_id}|{template}",
    )
