"""The same loss is made good once, whichever way it comes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.policy.services import publish
from qixia.rewards import queries
from qixia.rewards.errors import NothingMissing, NothingToAppeal, TooManyAppeals
from qixia.rewards.models import Budget, PointsAppeal, Posting
from qixia.rewards.services import (
    answer_appeal,
    appeal_points,
    award,
    change_cap,
    compare,
    pay_owed,
    restore,
    reverse,
)
from qixia.rewards.tests.builders import person

pytestmark = pytest.mark.usefixtures("table")


def paid(rider):
    return award(beneficiary=rider.ref, rule="manhole", source="report:1", act="x", actor="system:x")


def taken(rider):
    paid(rider)
    return reverse(source="report:1", reason="不属实", actor="system:x")[0]


def given_back():
    return [one.points for one in restore(source="report:1", reason="申诉成立", actor="system:x")]


def appeal(rider, posting):
    return appeal_points(actor=rider, entry=posting.pk, text="我真的去过那里").public_id


def answer(public_id, points):
    return answer_appeal(actor=person("admin"), public_id=public_id, points=points, answer="看过了")


@pytest.mark.parametrize(("granted", "rest"), [(15, []), (5, [10])])
def test_what_an_appeal_gave_is_not_restored_again(granted, rest):
    rider = person()
    answer(appeal(rider, taken(rider)), granted)
    assert given_back() == rest
    assert given_back() == []
    assert queries.balance(rider.ref) == 15
    assert len(reverse(source="report:1", reason="不属实", actor="system:x")) >= 2
    assert queries.balance(rider.ref) == 0
    assert sum(given_back()) == 15
    assert compare().is_sound


def test_what_was_restored_is_not_given_by_an_appeal_again():
    rider = person()
    public_id = appeal(rider, taken(rider))
    given_back()
    with pytest.raises(NothingMissing):
        answer(public_id, 15)
    assert (queries.balance(rider.ref), PointsAppeal.objects.get().state, Posting.objects.count()) == (15, "open", 3)
    assert answer(public_id, 0).state == "refused"


def test_an_appeal_gives_no_more_than_was_taken():
    rider = person()
    public_id = appeal(rider, taken(rider))
    with pytest.raises(Invalid):
        answer(public_id, 16)
    assert (queries.balance(rider.ref), PointsAppeal.objects.get().state) == (0, "open")


def test_an_award_that_was_taken_back_before_the_answer_is_not_topped_up():
    rider = person()
    public_id = appeal(rider, paid(rider))
    reverse(source="report:1", reason="不属实", actor="system:x")
    with pytest.raises(NothingMissing):
        answer(public_id, 5)
    assert queries.balance(rider.ref) == 0
    given_back()
    answer(public_id, 5)
    assert queries.balance(rider.ref) == 20
    assert compare().is_sound


def test_what_is_owed_is_not_paid_by_an_appeal_too():
    books = {"budgets": {"caps": {"points": 0}}}
    publish("rewards.books", books, note="测试", actor_ref="system:test", valid_from=datetime(2001, 1, 1, tzinfo=UTC))
    rider = person()
    posting = paid(rider)
    row = PointsAppeal.objects.create(posting=posting, opened_on=posting.day)
    change_cap(actor=person("admin"), budget=Budget.objects.get().public_id, cap=100, reason="追加")
    with pytest.raises(NothingMissing):
        answer(row.public_id, 15)
    assert pay_owed() == 1
    assert queries.balance(rider.ref) == 15


def test_what_is_given_back_counts_against_no_cap_again():
    rider = person()

    def litter(n):  # 3 points, 7 a day
        return award(beneficiary=rider.ref, rule="litter", source=f"report:{n}", act="x", actor="system:x")

    first = litter(1)
    reverse(source="report:1", reason="不属实", actor="system:x")
    given_back()
    assert litter(2).points == 3
    answer(appeal(rider, Posting.objects.latest("pk")), 12)
    assert litter(3).points == 1, "3 + 3 of 7 are used, neither the restored 3 nor the granted 12"
    assert first.day == Posting.objects.latest("pk").day


def test_appeals_come_to_an_end():
    rider = person()
    first = paid(rider)
    granted = answer(appeal(rider, first), 5).paid
    reverse(source="report:1", reason="不属实", actor="system:x")
    given_back()
    restored = Posting.objects.get(act="rewards.restored", nominal=15)
    others = [granted, restored, first.reversed_by, granted.reversed_by]
    for posting in others:
        with pytest.raises(NothingToAppeal):
            appeal(rider, posting)
        assert not queries.entry(rider, posting.pk).may_appeal
    assert PointsAppeal.objects.count() == 1


def test_what_waits_for_a_budget_is_not_appealed():
    books = {"budgets": {"caps": {"points": 0}}}
    publish("rewards.books", books, note="测试", actor_ref="system:test", valid_from=datetime(2001, 1, 1, tzinfo=UTC))
    rider = person()
    posting = paid(rider)
    with pytest.raises(NothingToAppeal):
        appeal(rider, posting)
    assert not PointsAppeal.objects.exists()


def test_so_many_appeals_a_day():
    rider = person()
    made = [
        award(beneficiary=rider.ref, rule="manhole", source=f"report:{n}", act="x", actor="system:x") for n in range(6)
    ]
    for posting in made[:5]:
        appeal(rider, posting)
    with pytest.raises(TooManyAppeals):
        appeal(rider, made[5])
    assert PointsAppeal.objects.count() == 5
    with clock.at(clock.now() + timedelta(days=1)):
        appeal(rider, made[5])
