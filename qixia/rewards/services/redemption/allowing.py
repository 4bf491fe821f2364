"""Who may have what, and at which time. Reads only; every refusal names what is missing in words.

Errors   ItemGone, GaveBackUsed, LimitReached, NotEligible; NeedsSlot, NoSuchSlot, SlotOver, StayedAway.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from qixia.kernel import clock
from qixia.kernel.errors import NotAllowed
from qixia.people.access import Actor
from qixia.policy import queries as policy
from qixia.rewards import booking, closing, offline, states
from qixia.rewards.access import closure_of
from qixia.rewards.errors import (
    GaveBackUsed,
    ItemGone,
    LimitReached,
    NeedsSlot,
    NoSuchSlot,
    NotEligible,
    SlotOver,
    StayedAway,
)
from qixia.rewards.models import Closure, Item, OfflineScan, PointsAppeal, Slot, Voucher
from qixia.rewards.queries.eligible import lacks_of
from qixia.rewards.queries.terms import booking_terms
from qixia.rewards.queries.words import slot_words


def check_may_have(actor: Actor, item: Item) -> None:
    """On offer, within the limit, and for this rider. Points and stock are the caller's to look at."""
    if actor.person_id is None:
        raise NotAllowed
    if not item.active or closure_of(item.merchant_id):
        raise ItemGone(name=item.name)
    _check_honest(actor.person_id)
    if item.limit_per_person is not None:
        mine = Voucher.objects.filter(Voucher.COUNTS, person_id=actor.person_id, item=item)
        if item.limit_days is not None:
            mine = mine.filter(created_at__gt=clock.now() - timedelta(days=item.limit_days))
        if mine.count() >= item.limit_per_person:
            raise LimitReached(name=item.name, limit=item.limit_per_person)
    missing = lacks_of(actor, [item]).get(item.pk)
    if missing:
        raise NotEligible(name=item.name, what=_("；").join(missing))
    if item.has_slots:
        _check_came(actor.person_id)


def _check_honest(person_id: int) -> None:
    """Who gave vouchers back that a phone had taken without network, more than once and lately, waits a while: until such
    a phone is online again nobody knows, and each time goods are gone that stock and limit do not count."""
    terms, now = _offline_terms(), clock.now()
    back = Voucher.objects.filter(person_id=person_id, state=states.CANCELLED, taken_offline=True)
    back = back.filter(ended_at__gt=now - timedelta(days=terms.back_days))
    ended = {pk: at for pk, at in back.values_list("pk", "ended_at") if at}
    if offline.barred_until(terms, ended.values(), now) is None:
        return
    cleared = _cleared(ended)
    held = [at for pk, at in ended.items() if pk not in cleared]
    until = offline.barred_until(terms, held, now)
    if until is not None:
        raise GaveBackUsed(count=len(held), until=f"{clock.city_time(until):%m-%d}")


def _offline_terms() -> offline.OfflinePolicy:
    found: offline.OfflinePolicy = policy.current(offline.KIND).data
    return found


def _cleared(vouchers: Collection[int]) -> set[int]:
    """Of these vouchers, those of which a person said on appeal that the rider was right."""
    scans = OfflineScan.objects.filter(voucher__in=vouchers, borne_points__gt=0)
    paid = {f"till-scan:{ref}": pk for ref, pk in scans.values_list("public_id", "voucher_id")}
    granted = PointsAppeal.objects.filter(posting__source__in=paid, posting__rule=offline.RULE, state=states.GRANTED)
    return {paid[source] for source in granted.values_list("posting__source", flat=True)}


def _check_came(person_id: int) -> None:
    """Who stayed away from what was booked, too often and lately, waits a while."""
    terms, now = booking_terms(), clock.now()
    if not terms.no_show_limit:
        return
    missed = absences(person_id).filter(ended_at__gt=now - timedelta(days=terms.no_show_days))
    moments = [at for at in missed.values_list("ended_at", flat=True) if at]
    until = booking.stayed_away_too_often(terms, moments, now)
    if until is not None:
        raise StayedAway(count=len(moments), until=f"{clock.city_time(until):%m-%d}")


def absences(person_id: int) -> QuerySet[Voucher]:
    """Vouchers whose rider did not come: those that ended by themselves, and those given back once the time had begun. None
    that the shop took without network, or could not have taken."""
    gone = Q(state=states.EXPIRED) | Q(state=states.CANCELLED, ended_at__gte=F("slot__starts_at"))
    closed = Closure.objects.filter(merchant_id=OuterRef("merchant_id"), since__lt=OuterRef("ended_at"))
    closed = closed.exclude(ended_at__lte=OuterRef("slot__starts_at")).exclude(vouchers=closing.HONOUR)
    booked = Voucher.objects.filter(gone, person_id=person_id, used=0, taken_offline=False, slot__closed_at=None)
    return booked.filter(slot__isnull=False).exclude(Exists(closed))


def open_slot(item: Item, public_id: str | None) -> Slot | None:
    """The slot of this item that somebody means, still bookable; None for an item without slots."""
    if not item.has_slots:
        if public_id:
            raise NoSuchSlot(field="slot")
        return None
    if not public_id:
        raise NeedsSlot(field="slot")
    slot = Slot.objects.filter(public_id=public_id, item=item).first()
    if slot is None:
        raise NoSuchSlot(field="slot")
    check_bookable(slot)
    return slot


def check_bookable(slot: Slot) -> None:
    terms, now = booking_terms(), clock.now()
    too_far = clock.city_date(slot.starts_at) > clock.city_date(now) + timedelta(days=terms.book_days)
    if slot.closed_at is not None or too_far or booking.bookable_until(terms, slot.starts_at) <= now:
        raise SlotOver(field="slot", when=slot_words(slot))
