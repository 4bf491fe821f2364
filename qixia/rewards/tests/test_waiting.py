"""Lines for what is gone: first come, first kept for; nothing is lost and nobody is asked twice at once."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext

from qixia.audit.models import AuditEvent
from qixia.kernel import clock
from qixia.notices.models import Notice
from qixia.people.models import Person
from qixia.people.sessions import BACKEND
from qixia.rewards import queries, services
from qixia.rewards.errors import (
    LimitReached,
    LineFull,
    NoSuchWaiting,
    NotEligible,
    NothingToWaitFor,
    SoldOut,
)
from qixia.rewards.models import Item, Slot, Voucher, Waiting
from qixia.rewards.tests.builders import item, organisation, person, rider_with, slot, therapy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("table")]
HOUR = timedelta(hours=1)


@pytest.fixture
def gone(db):
    """The last piece of something, and the rider who has it."""
    thing, rider = item(stock=1), rider_with(10)
    return thing, rider, services.reserve(actor=rider, item=thing.public_id, client_key="client-key-1")


def waits(rider, thing, place=None):
    return services.wait(actor=rider, item=thing.public_id, slot=place.public_id if place else None)


def states(*rows):
    return [Waiting.objects.get(pk=row.pk).state for row in rows]


def take(rider, thing, key="client-key-7"):
    return services.reserve(actor=rider, item=thing.public_id, client_key=key)


def stock(thing):
    return Item.objects.get(pk=thing.pk).stock


def told(rider):
    found = Notice.objects.filter(person_id=rider.person_id, template__startswith="voucher.")
    return list(found.order_by("pk").values_list("template", flat=True))


def test_what_comes_back_is_kept_for_who_waits_first(gone):
    thing, holder, voucher = gone
    first, second, other = rider_with(10), rider_with(10), rider_with(10)
    rows = [waits(first, thing), waits(second, thing)]
    assert [line.place for rider in (first, second) for line in queries.lines_of(rider)] == [1, 2]
    services.cancel(actor=holder, voucher=voucher.public_id)
    assert states(*rows) == ["offered", "waiting"]
    assert stock(thing) == 0  # it is kept
    assert [queries.lines_of(rider)[0].place for rider in (first, second)] == [0, 1]
    for rider in (other, second):
        with pytest.raises(SoldOut):
            take(rider, thing)
    take(first, thing)
    assert (states(*rows), stock(thing)) == (["taken", "waiting"], 0)
    assert (told(first), told(second)) == (["voucher.offered"], [])


def test_standing_in_line_twice_is_once_and_costs_nothing(gone):
    thing, _holder, _voucher = gone
    rider = person()
    assert waits(rider, thing) == waits(rider, thing)
    assert queries.lines_of(rider)[0].place == 1


def test_what_is_there_is_not_waited_for():
    with pytest.raises(NothingToWaitFor):
        waits(person(), item(stock=1))
    assert not Waiting.objects.exists()


def test_who_may_not_have_it_does_not_wait_for_it():
    thing = item(stock=0, eligibility={"employers": ["courier"]})
    with pytest.raises(NotEligible):
        waits(person(), thing)
    rider = rider_with(10)
    limited = item(stock=1, limit_per_person=1)
    take(rider, limited)
    with pytest.raises(LimitReached):
        waits(rider, limited)
    assert not Waiting.objects.exists()


def test_a_rider_stands_on_five_lines_at_most():
    rider = person()
    for _ in range(5):
        waits(rider, item(stock=0))
    with pytest.raises(LineFull):
        waits(rider, item(stock=0))
    assert Waiting.objects.count() == 5


def test_an_offer_that_is_not_taken_goes_to_the_next_and_at_last_back_into_stock(gone):
    thing, holder, voucher = gone
    riders = [rider_with(10), rider_with(10)]
    rows = [waits(rider, thing) for rider in riders]
    services.cancel(actor=holder, voucher=voucher.public_id)
    now = clock.now()
    with clock.at(now + 13 * HOUR):
        with pytest.raises(SoldOut):
            take(riders[0], thing)  # too late, and the job has not come yet
        assert services.settle_lines() == 1
        assert states(*rows) == ["lapsed", "offered"]
    with clock.at(now + 26 * HOUR):
        services.settle_lines()
        assert (states(*rows), stock(thing)) == (["lapsed", "lapsed"], 1)
        assert services.settle_lines() == 0
    assert told(riders[0]) == ["voucher.offered", "voucher.offer_lapsed"]


def test_leaving_lets_the_next_one_in(gone):
    thing, holder, voucher = gone
    riders = [rider_with(10), rider_with(10)]
    rows = [waits(rider, thing) for rider in riders]
    services.cancel(actor=holder, voucher=voucher.public_id)
    left = services.leave(actor=riders[0], waiting=rows[0].public_id)
    assert services.leave(actor=riders[0], waiting=rows[0].public_id) == left
    assert states(*rows) == ["left", "offered"]
    with pytest.raises(NoSuchWaiting):
        services.leave(actor=riders[0], waiting=rows[1].public_id)
    services.leave(actor=riders[1], waiting=rows[1].public_id)
    assert stock(thing) == 1


def test_new_stock_goes_to_the_line_first(gone):
    thing, _holder, _voucher = gone
    rows = [waits(person(), thing), waits(person(), thing)]
    admin = person("admin")
    form = services.ItemForm(
        **{
            name: getattr(thing, name)
            for name in services.ItemForm.__dataclass_fields__
            if name not in ("eligibility", "merchant_id")
        },
        merchant_id=thing.merchant_id,
    )
    saved = services.save_item(actor=admin, form=form, stock_change=3, item=thing.public_id, revision=1)
    assert (states(*rows), saved.stock) == (["offered", "offered"], 1)


def test_a_free_piece_that_a_crash_left_beside_a_line_is_found_by_the_job(gone):
    thing, _holder, _voucher = gone
    row = waits(person(), thing)
    Item.objects.filter(pk=thing.pk).update(stock=1)
    assert services.settle_lines() == 1
    assert (states(row), stock(thing)) == (["offered"], 0)
    assert AuditEvent.objects.filter(action="rewards.offered").count() == 1


def test_who_finds_a_free_piece_locks_it_before_the_own_place_in_the_line(gone):
    """As everybody does who gives a piece to a line: in another order two would wait for each other."""
    thing, _holder, _voucher = gone
    rider = rider_with(10)
    row = waits(rider, thing)
    Item.objects.filter(pk=thing.pk).update(stock=1)
    with CaptureQueriesContext(connection) as said:
        take(rider, thing)
    assert (states(row), stock(thing)) == (["taken"], 0)
    updates = [one["sql"] for one in said if one["sql"].startswith("UPDATE")]
    piece = next(n for n, sql in enumerate(updates) if sql.startswith('UPDATE "rewards_item"'))
    line = next(n for n, sql in enumerate(updates) if sql.startswith('UPDATE "rewards_waiting"') and "'waiting'" in sql)
    assert piece < line


def saved(thing, *, stock_change=0, **changes):
    fields = services.ItemForm.__dataclass_fields__
    known = {name: getattr(thing, name) for name in fields if name not in ("eligibility", "merchant_id")}
    form = services.ItemForm(**{**known, **changes}, merchant_id=thing.merchant_id)
    revision = Item.objects.get(pk=thing.pk).revision
    return services.save_item(
        actor=person("admin"), form=form, stock_change=stock_change, item=thing.public_id, revision=revision
    )


def test_lines_end_where_an_item_begins_to_have_times_or_stops(gone):
    thing, holder, voucher = gone
    kept, waiter = rider_with(10), rider_with(10)
    rows = [waits(kept, thing), waits(waiter, thing)]
    services.cancel(actor=holder, voucher=voucher.public_id)
    assert (states(*rows), stock(thing)) == (["offered", "waiting"], 0)
    assert saved(thing, has_slots=True).stock == 1  # and not kept for somebody who cannot take it
    assert (states(*rows), told(waiter)) == (["lapsed", "lapsed"], ["voucher.wait_over"])
    place = slot(thing)
    services.reserve(actor=holder, item=thing.public_id, client_key="client-key-2", slot=place.public_id)
    row = waits(waiter, thing, place)
    saved(thing, has_slots=True, summary="周末也开")
    assert states(row) == ["waiting"]
    saved(thing, has_slots=False)
    assert states(row) == ["lapsed"]


def test_a_place_of_a_slot_is_kept_likewise_and_never_past_its_booking():
    thing = therapy()
    place, holder, rider = slot(thing, hours=5), rider_with(10), rider_with(10)
    made = services.reserve(actor=holder, item=thing.public_id, client_key="client-key-1", slot=place.public_id)
    row = waits(rider, thing, place)
    services.cancel(actor=holder, voucher=made.public_id)
    row.refresh_from_db()
    assert (row.state, row.offered_until) == ("offered", place.starts_at - HOUR / 2)
    assert Slot.objects.get(pk=place.pk).taken == 1
    services.reserve(actor=rider, item=thing.public_id, client_key="client-key-1", slot=place.public_id)
    assert (states(row), Slot.objects.get(pk=place.pk).taken) == (["taken"], 1)


def test_the_button_is_there_for_who_has_the_only_place_kept(client):
    thing = therapy(stock=1)
    place, holder, rider = slot(thing), rider_with(10), rider_with(10)
    made = services.reserve(actor=holder, item=thing.public_id, client_key="client-key-1", slot=place.public_id)
    waits(rider, thing, place)
    shown = queries.good(rider, thing.public_id)
    assert (shown.is_out, shown.is_available) == (True, False)
    services.cancel(actor=holder, voucher=made.public_id)
    shown = queries.good(rider, thing.public_id)
    assert (shown.next_time, shown.is_out, shown.is_available) == (None, False, True)
    assert queries.good(rider_with(10), thing.public_id).is_out
    client.force_login(Person.objects.get(pk=rider.person_id), backend=BACKEND)
    page = client.get(f"/redeem/{thing.public_id}").content.decode()
    assert 'form="book"' in page
    assert "约满了" not in page


def test_a_place_that_comes_back_too_late_to_book_is_offered_to_nobody():
    thing = therapy(stock=1)
    place, holder, rider = slot(thing), rider_with(10), rider_with(10)
    made = services.reserve(actor=holder, item=thing.public_id, client_key="client-key-1", slot=place.public_id)
    row = waits(rider, thing, place)
    with clock.at(place.starts_at - HOUR / 2):
        services.cancel(actor=holder, voucher=made.public_id)
        assert services.settle_lines() == 0
        assert (states(row), told(rider), stock(thing)) == (["waiting"], [], 1)


def test_moving_away_and_more_places_help_who_waits_for_a_slot():
    thing = therapy()
    place, elsewhere, holder = slot(thing), slot(thing, hours=60), rider_with(10)
    made = services.reserve(actor=holder, item=thing.public_id, client_key="client-key-1", slot=place.public_id)
    rows = [waits(person(), thing, place), waits(person(), thing, place)]
    services.rebook(actor=holder, voucher=made.public_id, slot=elsewhere.public_id)
    assert states(*rows) == ["offered", "waiting"]
    services.change_places(actor=person("admin"), slot=place.public_id, places=2)
    assert states(*rows) == ["offered", "offered"]


def test_nobody_waits_for_what_is_called_off_or_has_begun():
    thing = therapy(stock=9)
    off, begun, rider = slot(thing), slot(thing, hours=30), rider_with(30)
    for number, place in enumerate((off, begun)):
        services.reserve(actor=rider, item=thing.public_id, client_key=f"client-key-{number}", slot=place.public_id)
    waiter = person()
    rows = [waits(waiter, thing, off), waits(waiter, thing, begun)]
    services.close_slot(actor=person("admin"), slot=off.public_id, reason="停电")
    assert states(*rows) == ["lapsed", "waiting"]
    with clock.at(begun.starts_at):
        services.settle_lines()
    assert states(*rows) == ["lapsed", "lapsed"]
    assert told(waiter) == ["voucher.wait_over", "voucher.wait_over"]


def test_who_left_the_house_waits_for_nothing(gone):
    thing, holder, voucher = gone
    leaver, next_one = person(), person()
    waits(leaver, thing)
    row = waits(next_one, thing)
    services.cancel(actor=holder, voucher=voucher.public_id)
    assert services.forget_waiting(person=leaver.public_id) == 1
    assert states(row) == ["offered"]
    assert services.forget_waiting(person=leaver.public_id) == 0


# ── who may have it ──────────────────────────────────────────────────────────


def test_the_rider_is_told_what_is_missing_and_nothing_changes(django_assert_max_num_queries):
    rider = rider_with(30)
    thing = item(eligibility={"earned_points": 50, "earned_days": 30})
    with pytest.raises(NotEligible, match="还差 20 分"):
        take(rider, thing)
    assert (queries.balance(rider.ref), Voucher.objects.count(), stock(thing)) == (30, 0, 5)
    for number in range(12):
        item(eligibility={"earned_points": 10 + number, "earned_days": 10 + number, "employers": ["courier"]})
    with django_assert_max_num_queries(7):
        shown = queries.goods(rider)
    assert sum(bool(good.lacks) for good in shown) == 13
    assert not next(good for good in shown if good.public_id == thing.public_id).is_available


def test_the_platform_is_what_people_knows():
    rider = rider_with(10)
    courier = organisation("courier-1", "courier")
    apps.get_model("people", "Rider").objects.create(
        person_id=rider.person_id, platform=courier, since=clock.city_date(clock.now())
    )
    take(rider, item(eligibility={"employers": ["courier"]}))
    with pytest.raises(NotEligible, match="外卖骑手"):
        take(rider, item(eligibility={"employers": ["platform"]}), key="client-key-8")
    assert Voucher.objects.count() == 1
