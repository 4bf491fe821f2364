"""Threads on real connections: one kit a person, no stock below nought."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import connection

from qixia.gifts import services
from qixia.gifts.models import Allotment, HandOver, Move, Stock
from qixia.gifts.tests import builders as made
from qixia.kernel.errors import DomainError
from qixia.places import queries as places

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _prepared(transactional_db):
    places.forget()
    made.prepared()
    yield
    places.forget()


def at_once(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run all acts from threads that start together; results or DomainErrors, in order."""
    results: list[Any] = [None] * len(acts)
    gate = threading.Barrier(len(acts))

    def work(n: int) -> None:
        try:
            gate.wait()
            results[n] = acts[n]()
        except DomainError as error:
            results[n] = error
        finally:
            connection.close()

    lanes = [threading.Thread(target=work, args=(n,)) for n in range(len(acts))]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    assert None not in results
    return results


def kinds(results: Sequence[Any]) -> Counter[str]:
    return Counter(type(result).__name__ for result in results)


def test_the_same_rider_at_two_places_at_once_gets_one():
    row, _who, gift = made.joined(kits=8)
    other = made.point(row.clerk)
    services.move(
        actor=row.clerk,
        donation=row.donation.public_id,
        place=row.place.public_id,
        to=other.public_id,
        count=4,
        key=made.new_key(),
    )
    clerks = [made.staff() for _ in range(8)]
    spots = [row.place.public_id, other.public_id] * 4
    results = at_once(
        [
            lambda who=who, spot=spot: services.hand_over(actor=who, text=gift.number, place=spot)
            for who, spot in zip(clerks, spots, strict=True)
        ]
    )
    assert kinds(results) == {"HandOver": 1, "GiftRefused": 7}
    assert (HandOver.objects.count(), sum(Stock.objects.values_list("count", flat=True))) == (1, 7)
    assert Move.objects.filter(kind="given").count() == 1


def test_the_last_kit_of_a_place_goes_to_one_of_many():
    row = made.opened(kits=6, way="joining")
    gifts = [services.allot_joining(person=made.rider().public_id)[0] for _ in range(6)]
    services.write_off(
        actor=row.clerk,
        donation=row.donation.public_id,
        place=row.place.public_id,
        count=4,
        kind="broken",
        key=made.new_key(),
        note="压坏了",
    )
    results = at_once(
        [
            lambda gift=gift: services.hand_over(actor=row.clerk, text=gift.number, place=row.place.public_id)
            for gift in gifts
        ]
    )
    assert kinds(results)["HandOver"] == 2
    assert list(Stock.objects.values_list("count", flat=True)) == [0]
    assert Allotment.objects.filter(state="handed").count() == 2


def test_many_who_join_get_no_more_than_there_are_and_nobody_two():
    row = made.opened(kits=3, way="joining")
    riders = [made.rider() for _ in range(5)]
    results = at_once([lambda who=who: services.allot_joining(person=who.public_id) for who in riders])
    assert sum(len(result) for result in results) == 3
    assert (row.now().allotted, Allotment.objects.count()) == (3, 3)


def test_lapsing_beside_handing_over_loses_no_kit():
    row = made.opened(kits=6, way="joining")
    gifts = [services.allot_joining(person=made.rider().public_id)[0] for _ in range(6)]
    Allotment.objects.filter(pk__in=[gift.pk for gift in gifts[:3]]).update(until=row.campaign.starts_at)
    acts: list[Callable[[], Any]] = [
        lambda gift=gift: services.hand_over(actor=row.clerk, text=gift.number, place=row.place.public_id)
        for gift in gifts
    ]
    at_once([*acts, services.lapse_due, services.lapse_due])
    counted = Counter(Allotment.objects.values_list("state", flat=True))
    assert counted == {"handed": 3, "lapsed": 3}
    assert (row.now().allotted, list(Stock.objects.values_list("count", flat=True))) == (3, [3])
