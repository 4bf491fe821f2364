"""Processes that take at once: one gets it, on both databases."""

from __future__ import annotations

import pytest

from qixia.offers import services
from qixia.offers.models import Offer
from qixia.offers.tests.builders import offer, prepared, riders
from tests.harness.race import at_once, kinds

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def test_a_hundred_take_one_offer_and_one_gets_it():
    prepared()
    takers, public_id = riders(100), offer()
    found = at_once([lambda r=r: services.take(actor=r, public_id=public_id).public_id for r in takers])
    assert kinds(found) == {"done": 1, "TakenByAnother": 99}
    assert Offer.objects.get().state == "taken"


def test_one_rider_takes_six_offers_at_once_and_gets_one():
    prepared()
    (rider,) = riders(1)
    wanted = [offer(f"report:{number}") for number in range(6)]
    found = at_once([lambda i=i: services.take(actor=rider, public_id=i).public_id for i in wanted])
    assert kinds(found) == {"done": 1, "HoldsAnother": 5}
    assert Offer.objects.filter(state="taken").count() == 1
