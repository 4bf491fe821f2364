"""The same list from two hands at once, on real connections."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from qixia.kernel import clock
from qixia.policy.services import publish_seeds
from qixia.rewards import queries, services
from qixia.rewards.models import Posting
from qixia.rewards.services import certifying
from qixia.rewards.tests.builders import organisation, person, phone_of, rider_by_phone

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_same_list_sent_twice_at_once_is_paid_and_counted_once(monkeypatch):
    """Both wait for each other just before they pay; only the purses' lock keeps the second from counting what is not its."""
    publish_seeds()
    worker, rider = person("clerk", organisation("jintang", "community")), rider_by_phone(1)
    meet, pay, results = threading.Barrier(2), certifying.award_many, []

    def together(awards):
        try:
            meet.wait(0.5)
        except threading.BrokenBarrierError:
            pass  # the other one waits for the lock, as it should
        return pay(awards)

    monkeypatch.setattr(certifying, "award_many", together)
    today = clock.city_date(clock.now())

    def send() -> None:
        try:
            results.append(services.certify(actor=worker, rule="care.meal", day=today, text=f"{phone_of(1)} 3"))
        finally:
            connection.close()

    hands = [threading.Thread(target=send) for _ in range(2)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    assert sorted((one.acts, one.repeated) for one in results) == [(0, 3), (3, 0)]
    assert queries.balance(rider.ref) == 30
    assert Posting.objects.filter(rule="care.meal").count() == 3
