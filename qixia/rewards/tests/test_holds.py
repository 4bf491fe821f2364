"""Awards that a signal holds: not to be spent, told with the reason, and ended once: in whole, in part, not, or by time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from qixia.kernel import clock
from qixia.kernel.errors import Invalid, NotAllowed
from qixia.notices.models import Notice
from qixia.policy.services import publish
from qixia.rewards import queries, rules
from qixia.rewards.errors import HoldEnded, NoSuchHold, NotEnoughPoints
from qixia.rewards.models import Account, Budget, Hold, Posting
from qixia.rewards.rules import Signal
from qixia.rewards.services import (
    Award,
    award_many,
    change_cap,
    compare,
    pay_owed,
    post_hold,
    reserve,
    restore,
    reverse,
    time_out_holds,
    void_hold,
)
from qixia.rewards.services.holds import evidence_of
from qixia.rewards.tests.builders import item, person

pytestmark = pytest.mark.usefixtures("table")
SIGNALS = (Signal("reused-photo", {"photos": 2}), Signal("nobody-knows", {}))
EVER = datetime(2001, 1, 1, tzinfo=UTC)


def held(rider, source="report:1", signals=SIGNALS):
    [posting] = award_many([Award(rider.ref, "manhole", source, "x", "system:x", signals=signals)])
    return posting


def pots(rider):
    rows = Account.objects.filter(owner_ref=rider.ref).values_list("kind", "balance")
    return {kind: balance for kind, balance in rows if balance}


def test_a_signal_holds_the_points_and_the_rider_is_told_why_and_until_when():
    rider = person()
    posting = held(rider)
    assert (posting.kind, posting.points, posting.promised, posting.nominal) == (rules.HOLD, 0, 15, 15)
    assert pots(rider) == {"pending": 15}
    with pytest.raises(NotEnoughPoints):
        reserve(actor=rider, item=item(price=1).public_id, client_key="client-key-1")
    hold = Hold.objects.get()
    assert (hold.state, hold.points, hold.due_on - hold.opened_on) == ("open", 15, timedelta(days=7))
    assert [(one.kind, one.evidence) for one in evidence_of(hold)] == [("reused-photo", {"photos": 2})]
    assert posting.params["reason"].startswith("照片和另一件很像")
    assert Notice.objects.get().template == "points.held"
    assert held(rider).pk == posting.pk
    assert Hold.objects.count() == 1
    assert compare().is_sound


def test_signals_that_the_policy_lets_pass_hold_nothing():
    rider = person()
    assert held(rider, signals=(Signal("nobody-knows", {}),)).points == 15
    assert not Hold.objects.exists()


def test_posted_in_whole():
    rider = person()
    promise = held(rider)
    given = post_hold(actor=person("supervisor"), public_id=Hold.objects.get().public_id)
    assert (given.kind, given.points, given.pays_id, given.day) == (rules.AWARD, 15, promise.pk, promise.day)
    assert pots(rider) == {"available": 15}
    assert queries.points_of(["report:1"]) == {"report:1": 15}
    assert compare().is_sound
    # It can be taken back like any other, once.
    assert len(reverse(source="report:1", reason="无效", actor="system:x")) == 1
    assert pots(rider) == {}
    assert compare().is_sound


def test_posted_in_part_with_a_reason():
    rider, boss = person(), person("admin")
    held(rider)
    public_id = Hold.objects.get().public_id
    for wrong in ({"points": 16, "reason": "x"}, {"points": 0, "reason": "x"}, {"points": 5}):
        with pytest.raises(Invalid):
            post_hold(actor=boss, public_id=public_id, **wrong)
    assert pots(rider) == {"pending": 15}
    given = post_hold(actor=boss, public_id=public_id, points=5, reason="照片只有一张是新的")
    assert (given.points, given.nominal, given.params["reason"]) == (5, 15, "照片只有一张是新的")
    assert pots(rider) == {"available": 5}
    assert queries.collected("city", "budget") == -5
    assert (Hold.objects.get().state, Hold.objects.get().given) == ("posted", 5)
    assert Notice.objects.latest("pk").template == "points.part"
    assert compare().is_sound


def test_voided_and_told():
    rider = person()
    held(rider)
    public_id = Hold.objects.get().public_id
    with pytest.raises(Invalid):
        void_hold(actor=person("admin"), public_id=public_id, reason="")
    ended = void_hold(actor=person("admin"), public_id=public_id, reason="照片是旧的")
    assert (ended.kind, ended.points, ended.nominal) == (rules.VOID, 0, -15)
    assert (pots(rider), queries.collected("city", "budget")) == ({}, 0)
    assert Notice.objects.latest("pk").template == "points.voided"
    for again in (post_hold, void_hold):
        with pytest.raises(HoldEnded):
            again(actor=person("admin"), public_id=public_id, reason="x")
    assert Posting.objects.count() == 2
    assert compare().is_sound


def test_nobody_decides_about_the_own_and_riders_about_none():
    rider = person("supervisor")
    held(rider)
    public_id = Hold.objects.get().public_id
    for who in (rider, person(), person("auditor"), person("clerk")):
        with pytest.raises(NotAllowed):
            post_hold(actor=who, public_id=public_id)
    with pytest.raises(NoSuchHold):
        post_hold(actor=person("admin"), public_id="0" * 26)
    assert Hold.objects.get().state == "open"


def test_time_decides_in_the_riders_favour():
    rider = person()
    held(rider)
    with clock.at(clock.now() + timedelta(days=7)):
        assert time_out_holds() == 0
    with clock.at(clock.now() + timedelta(days=8)):
        assert (time_out_holds(), time_out_holds()) == (1, 0)
        assert compare().is_sound
    assert pots(rider) == {"available": 15}
    assert (Hold.objects.get().state, Hold.objects.get().given) == ("timed_out", 15)


def test_the_policy_may_say_otherwise():
    publish(
        "rewards.holds",
        {"undecided": "void", "signals": {"reused-photo": {"title": "照片用过"}}},
        note="测试",
        actor_ref="system:test",
        valid_from=EVER,
    )
    rider = person()
    held(rider)
    with clock.at(clock.now() + timedelta(days=8)):
        assert time_out_holds() == 1
    assert (pots(rider), Hold.objects.get().given) == ({}, 0)
    assert compare().is_sound


def test_a_reversal_ends_what_is_held_and_a_restoring_holds_it_again():
    rider = person()
    held(rider)
    before = evidence_of(Hold.objects.get())
    [ended] = reverse(source="report:1", reason="无效", actor="system:x")
    assert (ended.kind, Hold.objects.get().state, pots(rider)) == (rules.VOID, "voided", {})
    assert reverse(source="report:1", reason="无效", actor="system:x") == [ended]
    [again] = restore(source="report:1", reason="申诉成立", actor="system:x")
    hold = Hold.objects.get(state="open")
    assert (again.kind, again.promised, hold.posting_id, pots(rider)) == (rules.HOLD, 15, again.pk, {"pending": 15})
    assert evidence_of(hold) == before
    post_hold(actor=person("admin"), public_id=hold.public_id)
    assert pots(rider) == {"available": 15}
    assert compare().is_sound
    # Taken and given back once more, it is what a person gave: it comes back at once.
    reverse(source="report:1", reason="无效", actor="system:x")
    restore(source="report:1", reason="申诉成立", actor="system:x")
    assert pots(rider) == {"available": 15}
    assert compare().is_sound


def test_without_cover_it_is_owed_first_and_held_when_there_is_cover():
    publish(
        "rewards.books", {"budgets": {"caps": {"points": 0}}}, note="测试", actor_ref="system:test", valid_from=EVER
    )
    rider = person()
    posting = held(rider)
    assert (posting.kind, posting.promised, Hold.objects.count()) == (rules.AWARD, 15, 0)
    change_cap(actor=person("admin"), budget=Budget.objects.get().public_id, cap=20, reason="追加")
    assert pay_owed() == 1
    hold = Hold.objects.get()
    assert (hold.posting.pays_id, hold.state, pots(rider)) == (posting.pk, "open", {"pending": 15})
    assert evidence_of(hold)[0].kind == "reused-photo"
    post_hold(actor=person("admin"), public_id=hold.public_id)
    assert pots(rider) == {"available": 15}
    assert compare().is_sound


def test_a_hold_that_was_edited_is_found():
    rider = person()
    posting = held(rider)
    Hold.objects.update(state="voided", ended_on=clock.city_date(clock.now()))
    assert compare().findings == {"pending_without_hold": [rider.ref], "lost_promises": [posting.pk]}
