"""What a reversal took is given back once, and may be taken again."""

from __future__ import annotations

import pytest

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
