"""Threads on real connections: no place twice, no piece lost, nobody asked twice. On both databases."""

from datetime import timedelta
from functools import partial

import pytest

from qixia.kernel import clock
from qixia.rewards import queries
from qixia.rewards.models import Item, Slot, Voucher, Waiting
from qixia.rewards.services import cancel, close_slot, leave, rebook, reserve, settle_lines, wait
from qixia.rewards.tests.builders import item, person, rider_with, slot, therapy
from qixia.rewards.tests.test_races import at_once, kinds

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("table_live")]


def book(rider, place, key="client-key-1"):
    return partial(reserve, actor=rider, item=place.item.public_id, client_key=key, slot=place.public_id)


def pieces(thing):
    """Stock, vouchers that hold a piece, and pieces that are kept: always the same sum."""
    return (
        Item.objects.get(pk=thing.pk).stock,
        Voucher.objects.filter(item=thing, state="reserved").count(),
        Waiting.objects.filter(item=thing, state="offered").count(),
    )


def test_twelve_riders_and_five_places():
    thing = therapy(stock=50)
    place, riders = slot(thing, places=5), [rider_with(10) for _ in range(12)]
    results = at_once([book(rider, place) for rider in riders], threads=12)
    assert kinds(results) == {"Voucher": 5, "SlotFull": 7}
    assert (Slot.objects.get(pk=place.pk).taken, pieces(thing)) == (5, (45, 5, 0))
    assert sum(queries.balance(rider.ref) for rider in riders) == 70


def test_pieces_that_come_back_at_once_go_to_different_people():
    thing = item(stock=6)
    holders = [rider_with(10) for _ in range(6)]
    made = [reserve(actor=one, item=thing.public_id, client_key="client-key-1") for one in holders]
    waiters = [person() for _ in range(4)]
    rows = [wait(actor=one, item=thing.public_id) for one in waiters]
    acts = [partial(cancel, actor=one, voucher=row.public_id) for one, row in zip(holders, made, strict=True)]
    at_once([*acts, *[settle_lines] * 3], threads=9)
    settle_lines()
    assert [Waiting.objects.get(pk=row.pk).state for row in rows] == ["offered"] * 4
    assert pieces(thing) == (2, 0, 4)


def test_taking_leaving_and_lapsing_meet_and_no_piece_is_lost():
    thing = item(stock=3)
    holders = [rider_with(10) for _ in range(3)]
    made = [reserve(actor=one, item=thing.public_id, client_key="client-key-1") for one in holders]
    waiters = [rider_with(10) for _ in range(6)]
    rows = [wait(actor=one, item=thing.public_id) for one in waiters]
    for one, row in zip(holders, made, strict=True):
        cancel(actor=one, voucher=row.public_id)
    Waiting.objects.filter(pk=rows[2].pk).update(offered_until=clock.now() - timedelta(minutes=1))
    acts = [partial(reserve, actor=one, item=thing.public_id, client_key="client-key-1") for one in waiters[:2]]
    acts += [partial(leave, actor=one, waiting=row.public_id) for one, row in zip(waiters[1:], rows[1:], strict=True)]
    at_once([*acts, settle_lines, settle_lines], threads=9)
    settle_lines()
    stock, vouchers, kept = pieces(thing)
    assert stock + vouchers + kept == 3
    assert Voucher.objects.filter(item=thing, state="reserved", person_id=waiters[0].person_id).count() == 1
    assert not Waiting.objects.filter(state="waiting").exists() or stock == 0


def test_two_who_change_places_and_a_slot_that_is_called_off_meanwhile():
    thing = therapy(stock=50)
    one, two, off = slot(thing, places=2), slot(thing, hours=60, places=2), slot(thing, hours=70, places=3)
    riders, late = [rider_with(10) for _ in range(2)], [rider_with(10) for _ in range(4)]
    made = [book(rider, place)() for rider, place in zip(riders, (one, two), strict=True)]
    swaps = [
        partial(rebook, actor=rider, voucher=row.public_id, slot=place.public_id)
        for rider, row, place in zip(riders, made, (two, one), strict=True)
    ]
    admin = person("admin")
    at_once(
        [
            *swaps,
            *[book(rider, off) for rider in late],
            partial(close_slot, actor=admin, slot=off.public_id, reason="停电"),
        ],
        threads=7,
    )
    from_job = close_slot(actor=admin, slot=off.public_id, reason="停电")
    assert [Slot.objects.get(pk=place.pk).taken for place in (one, two)] == [1, 1]
    assert (from_job.taken, pieces(thing)) == (0, (48, 2, 0))
    assert [queries.balance(rider.ref) for rider in late] == [10] * 4
