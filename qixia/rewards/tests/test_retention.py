"""What was said about points goes, by age and with the person; the books stay as they are."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qixia.audit.retention import kinds
from qixia.kernel import clock
from qixia.rewards.models import Hold, PointsAppeal, Posting
from qixia.rewards.rules import Signal
from qixia.rewards.services import (
    Award,
    answer_appeal,
    appeal_points,
    award_many,
    compare,
    forget_appeals,
    forget_holds,
    void_hold,
)
from qixia.rewards.tests.builders import person

pytestmark = pytest.mark.usefixtures("table")


def held(rider, n=1):
    award_many(
        [Award(rider.ref, "manhole", f"report:{n}", "x", "system:x", signals=(Signal("reused-photo", {"metres": 9}),))]
    )
    return Hold.objects.latest("pk")


def a_hold_and_an_appeal():
    """One hold that was voided and appealed against, answered; one hold that is open."""
    rider, boss, other = person(), person("admin"), person("admin")
    row = held(rider)
    entry = void_hold(actor=boss, public_id=row.public_id, reason="照片是旧的")
    appeal = appeal_points(actor=rider, entry=entry.pk, text="照片是我当天拍的")
    answer_appeal(actor=other, public_id=appeal.public_id, points=0, answer="看过了，照片是旧的")
    held(rider, 2)
    return rider


def said():
    holds = [(bool(one.sealed_evidence), bool(one.sealed_reason)) for one in Hold.objects.order_by("pk")]
    return holds, [(bool(one.sealed_words), bool(one.sealed_answer)) for one in PointsAppeal.objects.order_by("pk")]


def of_kind(name):
    return next(one for one in kinds() if one.name == name)


def test_words_go_by_age_and_what_is_open_keeps_its_own():
    a_hold_and_an_appeal()
    holds, appeals = of_kind("points-holds"), of_kind("points-appeals")
    today = clock.city_day(clock.city_date(clock.now()))[0]
    assert (holds.oldest(), appeals.oldest()) == (today, today)
    assert (holds.purge(today, 10), appeals.purge(today, 10)) == (0, 0)
    assert said() == ([(True, True), (True, False)], [(True, True)])
    later = today + timedelta(days=1)
    assert (holds.purge(later, 10), holds.purge(later, 10), holds.oldest()) == (1, 0, None)
    assert (appeals.purge(later, 10), appeals.purge(later, 10), appeals.oldest()) == (1, 0, None)
    assert said() == ([(False, False), (True, False)], [(False, False)])
    assert compare().is_sound


def test_who_is_erased_leaves_neither_evidence_nor_reasons_nor_answers():
    rider = a_hold_and_an_appeal()
    held(person(), 3)
    postings = list(Posting.objects.order_by("pk").values_list("pk", "points", "nominal"))
    assert (forget_holds(person=rider.public_id), forget_appeals(person=rider.public_id)) == (2, 1)
    assert said() == ([(False, False), (False, False), (True, False)], [(False, False)])
    assert (forget_holds(person=rider.public_id), forget_appeals(person=rider.public_id)) == (0, 0)
    assert list(Posting.objects.order_by("pk").values_list("pk", "points", "nominal")) == postings
    assert compare().is_sound
