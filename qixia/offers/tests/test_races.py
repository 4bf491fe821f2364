"""Processes that take at once: one gets it, on both databases."""

from __future__ import annotations

from collections import Counter

import pytest

from qixia.offers import services
from qixia.offers.errors import TakenByAnother
from qixia.offers.models import Offer
from qixia.offers.tests.builders import offer, prepared, riders
from tests.harness.race import at_once, kinds

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


PROCESSES = 20  # each holds a connection; others run beside this test


def test_a_hundred_take_one_offer_and_one_gets_it():
    prepared()
    takers, public_id = riders(100), offer()

    def ask(group):
        return Counter(_said(rider, public_id) for rider in group)

    found = at_once([lambda n=n: ask(takers[n::PROCESSES]) for n in range(PROCESSES)])
    assert sum((one.value for one in found), Counter()) == {"done": 1, "TakenByAnother": 99}
    assert Offer.objects.get().state == "taken"


def _said(rider, public_id):
    try:
        services.take(actor=rider, public_id=public_id)
    except TakenByAnother as refusal:
        return type(refusal).__name__
    return "done"


def test_one_rider_takes_six_offers_at_once_and_gets_one():
    prepared()
    (rider,) = riders(1)
    wanted = [offer(f"report:{number}") for number in range(6)]
    found = at_once([lambda i=i: services.take(actor=rider, public_id=i).public_id for i in wanted])
    assert kinds(found) == {"done": 1, "HoldsAnother": 5}
    assert Offer.objects.filter(state="taken").count() == 1
