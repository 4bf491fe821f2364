"""Times that are booked: made, taken, moved, called off, not come to."""

from datetime import date, timedelta

import pytest

from qixia.kernel import clock
from qixia.kernel.errors import Invalid, NotAllowed
from qixia.notices.models import Notice
from qixia.policy.services import publish
from qixia.rewards import queries, services
from qixia.rewards.booking import SlotPlan
from qixia.rewards.errors import (
    KeyReused,
    NeedsSlot,
    NoSuchSlot,
    NotEnoughPoints,
    SlotFull,
    SlotHasBookings,
    SlotOver,
    SoldOut,
    StayedAway,
    TooLateToRebook,
    VoucherEnded,
    VoucherRefused,
)
from qixia.rewards.models import Closure, Item, Slot, Voucher
from qixia.rewards.services.redemption import slots as room
from qixia.rewards.tests.builders import item, person, rider_with, slot, therapy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("table")]
HOUR = timedelta(hours=1)


@pytest.fixture
def thing(db):
    return therapy(price=20)


def book(rider, place, key="client-key-1"):
    return services.reserve(actor=rider, item=place.item.public_id, client_key=key, slot=place.public_id)


def state_of(thing, place=None):
    return (Item.objects.get(pk=thing.pk).stock, Slot.objects.get(pk=place.pk).taken if place else None)


def told(rider):
    return list(Notice.objects.filter(person_id=rider.person_id).order_by("pk").values_list("template", flat=True))


def plan(**changes):
    today = clock.city_date(clock.now())
    values = {
        "weekdays": frozenset(range(7)),
        "spans": ((540, 600),),
        "minutes": 30,
        "places": 2,
        "first": today + timedelta(days=1),
        "last": today + timedelta(days=3),
    }
    return SlotPlan(**{**values, **changes})


# ── made by administrators ───────────────────────────────────────────────────


def test_a_rule_makes_slots_once(thing):
    admin = person("admin")
    assert services.make_slots(actor=admin, item=thing.public_id, plan=plan(skip_holidays=False)) == 6
    assert services.make_slots(actor=admin, item=thing.public_id, plan=plan(skip_holidays=False, places=9)) == 0
    assert set(Slot.objects.values_list("capacity", flat=True)) == {2}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"weekdays": frozenset()}, "weekdays"),
        ({"last": date(2020, 1, 1)}, "last"),
        ({"last": date(2099, 1, 1)}, "last"),
        ({"minutes": 2}, "minutes"),
        ({"places": 0}, "places"),
        ({"minutes": 90}, "spans"),
    ],
)
def test_a_rule_that_makes_no_sense_makes_nothing(thing, changes, field):
    with pytest.raises(Invalid) as refused:
        services.make_slots(actor=person("admin"), item=thing.public_id, plan=plan(**changes))
    assert refused.value.field == field
    assert not Slot.objects.exists()


def test_only_administrators_keep_times_and_only_of_what_needs_them(thing):
    place = slot(thing)
    for act in (
        lambda who: services.make_slots(actor=who, item=thing.public_id, plan=plan()),
        lambda who: services.add_slot(
            actor=who, item=thing.public_id, starts_at=clock.now() + HOUR, minutes=30, places=1
        ),
        lambda who: services.change_places(actor=who, slot=place.public_id, places=5),
        lambda who: services.close_slot(actor=who, slot=place.public_id, reason="师傅生病"),
    ):
        with pytest.raises(NotAllowed):
            act(person("clerk"))
    with pytest.raises(Invalid):
        services.make_slots(actor=person("admin"), item=item().public_id, plan=plan())
    assert list(Slot.objects.values_list("capacity", "closed_at")) == [(1, None)]


def test_places_are_never_fewer_than_booked(thing):
    place, admin = slot(thing, places=3), person("admin")
    for number in range(2):
        book(rider_with(20), place, key=f"client-key-{number}")
    with pytest.raises(SlotHasBookings):
        services.change_places(actor=admin, slot=place.public_id, places=1)
    assert services.change_places(actor=admin, slot=place.public_id, places=2).capacity == 2


# ── booked by riders ─────────────────────────────────────────────────────────


def test_booking_takes_a_piece_and_a_place_and_the_voucher_holds_around_the_time(thing):
    place, rider = slot(thing), rider_with(30)
    made = book(rider, place)
    assert state_of(thing, place) == (4, 1)
    assert (made.opens_at, made.expires_at) == (place.starts_at - HOUR / 4, place.ends_at + HOUR / 4)
    assert book(rider, place) == made
    assert queries.ticket(rider, made.public_id).booked.slot == place.public_id


def test_a_full_slot_leaves_points_and_stock_alone(thing):
    place, late = slot(thing), rider_with(30)
    book(rider_with(30), place)
    with pytest.raises(SlotFull):
        book(late, place)
    assert (queries.balance(late.ref), state_of(thing, place)) == (30, (4, 1))


def test_too_few_points_leave_piece_and_place(thing):
    place = slot(thing)
    with pytest.raises(NotEnoughPoints):
        book(rider_with(10), place)
    assert state_of(thing, place) == (5, 0)


def test_without_stock_a_free_place_is_not_enough():
    thing = therapy(stock=0)
    place = slot(thing)
    with pytest.raises(SoldOut):
        book(rider_with(30), place)
    assert state_of(thing, place) == (0, 0)


def test_what_cannot_be_booked_is_said(thing):
    rider, other = rider_with(90), therapy()
    with pytest.raises(NeedsSlot):
        services.reserve(actor=rider, item=thing.public_id, client_key="client-key-1")
    for place, error in (
        (slot(other), NoSuchSlot),
        (slot(thing, hours=0.4), SlotOver),  # begins within half an hour
        (slot(thing, hours=24 * 15.5), SlotOver),  # further than riders see
    ):
        with pytest.raises(error):
            services.reserve(actor=rider, item=thing.public_id, client_key="client-key-1", slot=place.public_id)
    with pytest.raises(NoSuchSlot):
        services.reserve(actor=rider, item=item().public_id, client_key="client-key-1", slot=slot(other).public_id)
    assert not Voucher.objects.exists()


def test_one_key_is_one_time(thing):
    rider, first, second = rider_with(90), slot(thing), slot(thing, hours=50)
    book(rider, first)
    with pytest.raises(KeyReused):
        book(rider, second)
    assert state_of(thing, second) == (4, 0)


@pytest.mark.parametrize(("before", "back"), [(13 * HOUR, 20), (2 * HOUR, 10), (HOUR / 10, 10), (-HOUR / 10, 0)])
def test_giving_back_costs_more_the_later_it_is(thing, before, back):
    place, rider = slot(thing), rider_with(20)
    made = book(rider, place)
    with clock.at(place.starts_at - before):
        assert services.cancel(actor=rider, voucher=made.public_id).returned == back
    assert queries.balance(rider.ref) == back


def test_who_does_not_come_gets_nothing_back_and_pauses_after_the_second_time(thing):
    rider = rider_with(90)
    for number in range(2):
        place = slot(thing, hours=48 + number)
        made = book(rider, place, key=f"client-key-{number}")
        with clock.at(place.ends_at + HOUR):
            services.expire_due()
        made.refresh_from_db()
        assert (made.state, made.returned) == ("expired", 0)
    with clock.at(place.ends_at + 2 * HOUR):
        again = slot(thing)
        with pytest.raises(StayedAway):
            book(rider, again, key="client-key-9")
        assert state_of(thing, again) == (5, 0)
        book(rider_with(20), again)
    publish("rewards.booking", {"no_show_limit": 3}, note="放宽", actor_ref="system:test")
    book(rider, slot(thing, hours=60), key="client-key-9")


def missed(rider, thing, number, *, cancels=False, at=HOUR):
    """A time that was booked; what ends it comes `at` after its start."""
    place = slot(thing, hours=48 + number)
    made = book(rider, place, key=f"client-key-{number}")
    with clock.at(place.starts_at + at):
        if cancels:
            services.cancel(actor=rider, voucher=made.public_id)
        else:
            assert services.expire_due() == 1
    return place


def test_giving_back_once_it_has_begun_is_staying_away(thing):
    rider = rider_with(90)
    missed(rider, thing, 0, cancels=True, at=-HOUR / 10)
    missed(rider, thing, 1, cancels=True, at=HOUR / 10)
    book(rider, slot(thing, hours=70), key="client-key-8")  # one absence: in time, if late, was none
    place = missed(rider, thing, 2, cancels=True, at=timedelta(0))
    with clock.at(place.ends_at):
        again = slot(thing)
        with pytest.raises(StayedAway):
            book(rider, again, key="client-key-9")
        # The shop's phone came later.
        Voucher.objects.filter(client_key="client-key-2").update(taken_offline=True)
        book(rider, again, key="client-key-9")


def test_what_a_closed_shop_could_not_take_is_no_absence(thing):
    rider = rider_with(90)
    services.close_merchant(merchant_id=thing.merchant_id, actor="system:test")
    Closure.objects.update(ended_at=clock.now())
    for number in range(2):
        place = slot(thing, hours=48 + number)
        made = book(rider, place, key=f"client-key-{number}")
        with clock.at(place.starts_at - HOUR):
            services.close_merchant(merchant_id=thing.merchant_id, actor="system:test")
        with clock.at(place.ends_at + HOUR):
            services.expire_due()
            services.open_merchant(merchant_id=thing.merchant_id, actor="system:test")
        made.refresh_from_db()
        assert (made.state, made.returned) == ("expired", 20)
    with clock.at(place.ends_at + 2 * HOUR):
        book(rider, slot(thing), key="client-key-9")


def test_the_terms_of_the_day_of_booking_hold(thing):
    place, rider = slot(thing), rider_with(20)
    made = book(rider, place)
    publish("rewards.booking", {"late_returns": 0}, note="收紧", actor_ref="system:test")
    with clock.at(place.starts_at - HOUR):
        assert services.cancel(actor=rider, voucher=made.public_id).returned == 10


# ── moved, called off, reminded ──────────────────────────────────────────────


def test_another_time_costs_nothing_until_the_hours_of_the_policy(thing):
    first, second, rider = slot(thing), slot(thing, hours=72), rider_with(20)
    made = book(rider, first)
    with clock.at(first.starts_at - 13 * HOUR):
        moved = services.rebook(actor=rider, voucher=made.public_id, slot=second.public_id)
        assert services.rebook(actor=rider, voucher=made.public_id, slot=second.public_id) == moved
    assert (state_of(thing, first), state_of(thing, second)) == ((4, 0), (4, 1))
    assert (moved.slot, moved.opens_at) == (second, second.starts_at - HOUR / 4)
    with clock.at(second.starts_at - HOUR), pytest.raises(TooLateToRebook):
        services.rebook(actor=rider, voucher=made.public_id, slot=first.public_id)
    assert state_of(thing, second) == (4, 1)


def test_no_way_onto_a_full_slot_or_of_what_is_over(thing):
    first, full, rider = slot(thing), slot(thing, hours=72), rider_with(60)
    made = book(rider, first)
    book(rider_with(20), full)
    with pytest.raises(SlotFull):
        services.rebook(actor=rider, voucher=made.public_id, slot=full.public_id)
    assert (state_of(thing, first), state_of(thing, full)) == ((3, 1), (3, 1))
    services.cancel(actor=rider, voucher=made.public_id)
    with pytest.raises(VoucherEnded):
        services.rebook(actor=rider, voucher=made.public_id, slot=full.public_id)


def test_calling_off_gives_everything_back_even_late_and_says_why(thing):
    place, riders = slot(thing, places=2), [rider_with(20), rider_with(20)]
    made = [book(rider, place) for rider in riders]
    with clock.at(place.starts_at - HOUR):
        closed = services.close_slot(actor=person("admin"), slot=place.public_id, reason="师傅生病，休息一天")
        assert services.close_slot(actor=person("admin"), slot=place.public_id, reason="再来一次") == closed
    assert [queries.balance(rider.ref) for rider in riders] == [20, 20]
    assert set(Voucher.objects.values_list("state", "returned")) == {("cancelled", 20)}
    assert state_of(thing, place) == (5, 0)
    assert all(told(rider).count("voucher.slot_closed") == 1 for rider in riders)
    with pytest.raises(SlotOver):
        book(rider_with(20), place)
    assert len(made) == 2


def test_a_close_that_was_interrupted_is_finished_by_the_job(thing, monkeypatch):
    place, rider = slot(thing), rider_with(20)
    book(rider, place)

    def killed(**_more):
        raise KeyboardInterrupt

    monkeypatch.setattr(room, "end_called_off", killed)
    with pytest.raises(KeyboardInterrupt):
        services.close_slot(actor=person("admin"), slot=place.public_id, reason="师傅生病")
    assert queries.balance(rider.ref) == 0
    assert services.end_called_off() == 1
    assert services.end_called_off() == 0
    assert queries.balance(rider.ref) == 20


def test_the_day_before_everybody_is_reminded_once(thing):
    place, rider, near = slot(thing, places=2), rider_with(20), rider_with(20)
    book(rider, place)
    assert services.remind_booked() == 0
    with clock.at(place.starts_at - 24 * HOUR):
        book(near, place)  # who books now knows of it
        assert services.remind_booked() == 1
        assert services.remind_booked() == 0
    assert (told(rider).count("voucher.reminder"), told(near).count("voucher.reminder")) == (1, 0)


def test_the_till_takes_a_booked_voucher_around_its_time_only(thing):
    place, rider = slot(thing), rider_with(20)
    made = book(rider, place)
    keeper = person("merchant", at=thing.merchant)
    with clock.at(place.starts_at - HOUR), pytest.raises(VoucherRefused, match="还没到时候"):
        services.redeem(actor=keeper, text=made.number, redeem_key="redeem-key-1")
    with clock.at(place.starts_at + HOUR / 6):
        services.redeem(actor=keeper, text=made.number, redeem_key="redeem-key-1")
    made.refresh_from_db()
    assert made.state == "redeemed"
