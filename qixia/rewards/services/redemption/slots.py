"""Times that can be booked: made, changed and called off by administrators; moved by riders.

Truth    `Slot.taken`, changed by conditional updates only (pieces.py); the database refuses more than there are places.
Locks    voucher → purses → item → slot → waiting. Calling a slot off closes it in one transaction and gives the vouchers
         back in others: after a crash between them `end_called_off` goes on where it stopped.
Errors   Invalid names the field; SlotHasBookings; SlotOver, SlotFull, TooLateToRebook, VoucherEnded.
Retries  `make_slots` of the same rule makes nothing twice; `close_slot` of a closed slot returns it; rebooking onto the
         slot that a voucher has changes nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from qixia.audit.services import Act, record, record_many
from qixia.jobs.registry import declare_event
from qixia.jobs.services import publish
from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.notices.services import Tell, tell_many
from qixia.people.access import SYSTEM, Actor
from qixia.policy.queries import working_calendar
from qixia.rewards import booking, states
from qixia.rewards.access import must_keep_catalogue, own_voucher
from qixia.rewards.errors import NoSuchItem, NoSuchSlot, SlotFull, SlotHasBookings, TooLateToRebook, VoucherEnded
from qixia.rewards.models import Item, Slot, Voucher
from qixia.rewards.queries.terms import booking_terms
from qixia.rewards.queries.words import slot_words
from qixia.rewards.services.redemption import waiting
from qixia.rewards.services.redemption.allowing import check_bookable
from qixia.rewards.services.redemption.ending import give_back
from qixia.rewards.services.redemption.pieces import give_place, lock_item, take_place
from qixia.rewards.services.redemption.reserving import known_at

REBOOKED = declare_event("rewards.voucher_rebooked")
SLOT_CLOSED = declare_event("rewards.slot_closed")
MOST_PLACES = 500
BATCH = 200


@transaction.atomic
def make_slots(*, actor: Actor, item: str, plan: booking.SlotPlan) -> int:
    """All slots of a rule; times at which there is one already are left as they are. Returns how many were made."""
    row = _item_to_keep(actor, item)
    _check_plan(plan)
    now = clock.now()
    days = working_calendar().work.days
    found = [span for span in booking.slots_of(plan, days) if span[0] > now]
    if not found:
        raise Invalid("照这样一场也排不出来，请看看日期、星期和时间。", field="spans")
    if len(found) > booking.MOST_SLOTS:
        raise Invalid("一次最多排 %(most)s 场，请把日期改短些。", field="last", most=booking.MOST_SLOTS)
    known = set(Slot.objects.filter(item=row, starts_at__gte=found[0][0]).values_list("starts_at", flat=True))
    new = [Slot(item=row, starts_at=a, ends_at=b, capacity=plan.places) for a, b in found if a not in known]
    Slot.objects.bulk_create(new, ignore_conflicts=True)
    record("rewards.slots_made", subject=f"item:{row.public_id}", actor=actor.ref, slots=len(new))
    return len(new)


def _check_plan(plan: booking.SlotPlan) -> None:
    today = clock.city_date(clock.now())
    if not plan.weekdays:
        raise Invalid("请至少选一天。", field="weekdays")
    if plan.last < plan.first or plan.last < today:
        raise Invalid("结束日期要在开始日期和今天之后。", field="last")
    if plan.last - max(plan.first, today) > booking.LONGEST_PLAN:
        raise Invalid("一次最多排半年。", field="last")
    _check_shape(timedelta(minutes=plan.minutes), plan.places)


def _check_shape(length: timedelta, places: int) -> None:
    if not timedelta(minutes=5) <= length <= timedelta(hours=12):
        raise Invalid("一场要在 5 分钟到 12 小时之间。", field="minutes")
    if not 1 <= places <= MOST_PLACES:
        raise Invalid("名额要在 1 到 %(most)s 之间。", field="places", most=MOST_PLACES)


@transaction.atomic
def add_slot(*, actor: Actor, item: str, starts_at: datetime, minutes: int, places: int) -> Slot:
    """One slot by itself."""
    row = _item_to_keep(actor, item)
    if starts_at <= clock.now():
        raise Invalid("开始时间已经过了。", field="starts_at")
    length = timedelta(minutes=minutes)
    _check_shape(length, places)
    slot, is_new = Slot.objects.get_or_create(
        item=row, starts_at=starts_at, defaults={"ends_at": starts_at + length, "capacity": places}
    )
    if not is_new:
        raise Invalid("这个时间已经有一场了。", field="starts_at")
    record("rewards.slots_made", subject=f"item:{row.public_id}", actor=actor.ref, slots=1)
    return slot


def _item_to_keep(actor: Actor, public_id: str) -> Item:
    must_keep_catalogue(actor)
    row = Item.objects.filter(public_id=public_id).first()
    if row is None:
        raise NoSuchItem
    if not row.has_slots:
        raise Invalid("这件不用约时间。要约，先在“怎么用”里打开。", field="has_slots")
    return row


@transaction.atomic
def change_places(*, actor: Actor, slot: str, places: int) -> Slot:
    """More or fewer places; never fewer than are booked. New ones go to who waits."""
    must_keep_catalogue(actor)
    row = _slot(slot)
    _check_shape(row.ends_at - row.starts_at, places)
    lock_item(row.item_id)
    if not Slot.objects.filter(pk=row.pk, taken__lte=places, closed_at=None).update(capacity=places):
        raise SlotHasBookings(field="places", taken=_slot(slot).taken)
    record("rewards.slot_changed", subject=f"slot:{row.public_id}", actor=actor.ref, before=row.capacity, now=places)
    waiting.offer_all([(row.item_id, row.pk)])
    row.refresh_from_db()
    return row


def close_slot(*, actor: Actor, slot: str, reason: str) -> Slot:
    """Call a slot off. Who booked gets all points back and is told why; nobody waits for it any more."""
    must_keep_catalogue(actor)
    row = _slot(slot)
    why = " ".join(reason.split())
    if not 2 <= len(why) <= 60:
        raise Invalid("请写明原因，2 到 60 个字，约了的人看得到。", field="reason")
    with transaction.atomic():
        lock_item(row.item_id)
        closed = Slot.objects.filter(pk=row.pk, closed_at=None, starts_at__gt=clock.now())
        if closed.update(closed_at=clock.now(), closed_why=why):
            record("rewards.slot_closed", subject=f"slot:{row.public_id}", actor=actor.ref, why=why, booked=row.taken)
            publish(SLOT_CLOSED, f"slot:{row.public_id}", {"item_id": row.item_id})
            waiting.end_line(row)
    row.refresh_from_db()
    if row.closed_at is None:
        raise Invalid("已经开始的场次不能取消。", field="slot")
    while end_called_off(slot_id=row.pk):
        pass
    row.refresh_from_db()
    return row


@transaction.atomic
def end_called_off(*, slot_id: int | None = None, limit: int = BATCH) -> int:
    """Give back vouchers of slots that were called off, all of their points. Returns how many it did."""
    found = Voucher.objects.filter(state=states.RESERVED, slot__closed_at__isnull=False)
    found = found if slot_id is None else found.filter(slot_id=slot_id)
    rows = list(
        found.select_related("person", "merchant", "slot", "item")
        .order_by("id")
        .select_for_update(skip_locked=True, of=("self",))[:limit]
    )
    if not rows:
        return 0
    now = clock.now()
    Voucher.objects.filter(pk__in=[row.pk for row in rows]).update(state=states.result("cancel"), ended_at=now)
    for row in rows:
        row.state, row.ended_at = states.CANCELLED, now
    give_back(rows, step="cancel", actor=SYSTEM.ref, percent=100)
    tell_many(_tell(row, "voucher.slot_closed", points=row.returned, reason=_slot_of(row).closed_why) for row in rows)
    return len(rows)


@transaction.atomic
def rebook(*, actor: Actor, voucher: str, slot: str) -> Voucher:
    """Move a voucher to another time of the same item, before the hours of the policy. Costs nothing."""
    row = own_voucher(actor, voucher)
    # Locked before anything is looked at: a second phone, the job that expires, a slot being called off.
    row = Voucher.objects.select_for_update(of=("self",)).select_related("item", "merchant", "slot").get(pk=row.pk)
    now = clock.now()
    if row.state != states.RESERVED or row.expires_at <= now or row.slot is None:
        raise VoucherEnded(state=_(states.LABELS[row.state]))
    new = Slot.objects.filter(public_id=slot, item_id=row.item_id).first()
    if new is None:
        raise NoSuchSlot(field="slot")
    if new.pk == row.slot_id:
        return row
    terms = booking_terms(row.created_at)
    until = booking.free_until(terms, row.slot.starts_at)
    if now > until:
        raise TooLateToRebook(until=f"{clock.city_time(until):%m-%d %H:%M}")
    check_bookable(new)
    _move(row, new, terms)
    record("rewards.voucher_rebooked", subject=f"voucher:{row.public_id}", actor=actor.ref, slot=new.public_id)
    publish(REBOOKED, f"voucher:{row.public_id}", {"person_id": row.person_id, "item_id": row.item_id})
    return row


def _move(row: Voucher, new: Slot, terms: booking.BookingPolicy) -> None:
    lock_item(row.item_id)
    old_id = row.slot_id or 0
    # In the order of ids: two who change places at the same moment do not wait for each other.
    for slot_id in sorted((old_id, new.pk)):
        if slot_id == old_id:
            give_place(slot_id)
        elif not take_place(slot_id):
            raise SlotFull(field="slot", when=slot_words(new))
    row.slot, (row.opens_at, row.expires_at) = new, booking.window(terms, new.starts_at, new.ends_at)
    row.reminded_at = known_at(new)
    row.save(update_fields=["slot", "opens_at", "expires_at", "reminded_at"])
    # The piece of stock moves along: the line of the old slot needs a piece and a place, as always.
    waiting.offer_all([(row.item_id, old_id)])


@transaction.atomic
def remind_booked(*, limit: int = BATCH) -> int:
    """Tell riders of what they booked for the next day. Each once; returns how many."""
    now = clock.now()
    near = now + timedelta(hours=booking_terms().remind_hours)
    due = Voucher.objects.filter(
        state=states.RESERVED, reminded_at=None, slot__starts_at__gt=now, slot__starts_at__lte=near
    )
    rows = list(
        due.select_related("merchant", "slot", "item")
        .order_by("id")
        .select_for_update(skip_locked=True, of=("self",))[:limit]
    )
    Voucher.objects.filter(pk__in=[row.pk for row in rows]).update(reminded_at=now)
    record_many(Act("rewards.reminded", f"voucher:{row.public_id}", SYSTEM.ref, {}) for row in rows)
    tell_many(_tell(row, "voucher.reminder") for row in rows)
    return len(rows)


def _slot(public_id: str) -> Slot:
    row = Slot.objects.select_related("item").filter(public_id=public_id).first()
    if row is None:
        raise NoSuchSlot
    return row


def _slot_of(row: Voucher) -> Slot:
    assert row.slot is not None
    return row.slot


def _tell(row: Voucher, template: str, **params: object) -> Tell:
    slot = _slot_of(row)
    return Tell(
        person_id=row.person_id,
        template=template,
        params={
            "name": row.name,
            "when": slot_words(slot),
            "shop": row.merchant.name,
            "where": row.item.where,
            **params,
        },
        link=f"/vouchers/{row.public_id}",
        key=f"voucher|{row.public_id}|{template}|{slot.public_id}",
    )
