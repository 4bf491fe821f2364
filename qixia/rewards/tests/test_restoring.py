"""What a reversal took is given back once, and may be taken again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qixia.kernel import clock
from qixia.rewards import queries
from qixia.rewards.models import Posting
from qixia.rewards.services import award, compare, restore, reverse
from qixia.rewards.tests.builders import person

pytestmark = pytest.mark.usefixtures("table")


def paid(actor, source="report:1"):
    return award(beneficiary=actor.ref, rule="manhole", source=source, act="reports.dispatched", actor="system:settle")


def test_points_come_back_once_and_can_be_taken_and_given_again():
    rider, other = person(), person()
    paid(rider)
    paid(other, "report:2")
    for _time in range(2):
        reverse(source="report:1", also=["report:2"], reason="不属实", actor="system:x")
        assert (queries.balance(rider.ref), queries.balance(other.ref)) == (0, 0)
        assert len(restore(source="report:1", also=["report:2"], reason="申诉成立", actor="person:s")) == 2
        assert restore(source="report:1", also=["report:2"], reason="申诉成立", actor="person:s") == []
        assert (queries.balance(rider.ref), queries.balance(other.ref)) == (15, 15)
    assert compare().is_sound


def test_it_counts_for_the_day_of_the_first_posting():
    rider = person()
    first = paid(rider)
    reverse(source="report:1", reason="不属实", actor="system:x")
    [restored] = restore(source="report:1", reason="申诉成立", actor="person:s")
    assert (restored.points, restored.rule, restored.day) == (15, "manhole", first.day)
    assert restored.params["reason"] == "申诉成立"


def test_nothing_comes_of_what_was_never_taken():
    paid(person())
    assert restore(source="report:1", reason="申诉成立", actor="person:s") == []
    assert Posting.objects.count() == 1


def test_what_was_taken_before_the_decision_had_another_reason():
    rider, now = person(), clock.now()
    paid(rider)
    paid(rider, "report:2")
    with clock.at(now + timedelta(hours=1)):
        reverse(source="report:2", reason="并入已撤销", actor="system:x")
    with clock.at(now + timedelta(hours=2)):
        reverse(source="report:1", reason="不属实", actor="system:x")
        given = {"source": "report:1", "also": ["report:2"], "reason": "申诉成立", "actor": "person:s"}
        assert [one.points for one in restore(**given, since=clock.now())] == [15]
    assert queries.balance(rider.ref) == 15
    assert queries.points_of(["report:1", "report:2", "report:3"]) == {"report:1": 15, "report:2": 0}
