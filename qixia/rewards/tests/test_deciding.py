"""A person decides about points: those that a sign holds, and those that a rider misses. Nobody's name is shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.urls import reverse

from qixia.audit.models import AuditEvent
from qixia.kernel import clock
from qixia.kernel.errors import Invalid, NotAllowed
from qixia.notices.models import Notice
from qixia.rewards import queries, services
from qixia.rewards.errors import AppealEnded, NoSuchEntry, NothingToAppeal
from qixia.rewards.models import Hold, PointsAppeal, Posting
from qixia.rewards.rules import Signal
from qixia.rewards.takeout import export_of
from qixia.rewards.tests.builders import item, person
from qixia.rewards.tests.test_table import client_of

pytestmark = pytest.mark.django_db

SEEN = {
    "public_id": "r1",
    "number": "123456789",
    "cls": "manhole",
    "place": "美仙街 8 号",
    "at": "2026-11-19T04:00:00+00:00",
}
SPEED = Signal("impossible-speed", {"metres": 9000, "minutes": 3, "kmh": 180, "reports": [SEEN]})
PARAMS = {"number": "987654321", "place": "云龙路 3 号", "link": "/r/x/"}


def pay(rider, source="report:1", rule="manhole", **more):
    act = {"rule": rule, "source": source, "act": "reports.dispatched", "actor": "system:test", "note_params": PARAMS}
    return services.award(beneficiary=rider.ref, **act, **more)


def hold(rider, source="report:1"):
    act = {"rule": "manhole", "source": source, "act": "reports.dispatched", "actor": "system:test", "params": PARAMS}
    (made,) = services.award_many([services.Award(beneficiary=rider.ref, **act, signals=(SPEED,))])
    return Hold.objects.get(posting=made)


# ── holds ─────────────────────────────────────────────────────────────────────
def test_the_evidence_is_shown_and_no_name(table, django_assert_max_num_queries):
    rider, admin = person(), person("admin")
    held = [hold(rider, f"report:{n}") for n in range(3)]
    client = client_of(admin)
    client.get(reverse("rewards:holds"))
    with django_assert_max_num_queries(14):
        page = client.get(reverse("rewards:holds")).content.decode()
    assert page.count('data-testid="hold"') == 3
    assert "9000 米" in page
    assert "只隔 3 分钟" in page
    assert "美仙街 8 号" in page
    assert rider.name not in page
    assert rider.public_id not in page
    assert PARAMS["place"] not in page  # the words of the entry stay sealed
    assert queries.balance(rider.ref) == 0
    assert held[0].due_on > held[0].opened_on


def test_the_rider_reads_that_somebody_looks_and_until_when(table):
    rider = person()
    held = hold(rider)
    page = client_of(rider).get(reverse("rewards:entry", args=[held.posting_id])).content.decode()
    assert "有人先看一看再给" in page
    assert "两件的地点和时间对不上" in page
    assert f"最晚 {held.due_on:%m-%d} 有结果" in page
    assert "180" not in page  # how it was found is not told


@pytest.mark.parametrize("points", [None, 5])
def test_a_hold_that_ended_waits_for_nobody_any_more(table, points):
    rider = person()
    held = hold(rider)
    services.post_hold(actor=person("admin"), public_id=held.public_id, points=points, reason="只认一件")
    client = client_of(rider)
    page = client.get(reverse("rewards:entry", args=[held.posting_id])).content.decode()
    lines = client.get(reverse("rewards:ledger")).content.decode()
    for shown in (page, lines):
        assert "已有结果" in shown
        assert "结果另有一行" in shown
        assert "在看" not in shown
        assert "最晚" not in shown


def test_what_is_held_shows_what_the_cap_leaves_of_it(table):
    rider = person()
    pay(rider, "report:1", "litter"), pay(rider, "report:2", "litter")  # 6 of 7 a day
    act = {"rule": "litter", "source": "report:3", "act": "reports.dispatched", "actor": "system:test"}
    services.award_many([services.Award(beneficiary=rider.ref, **act, signals=(SPEED,))])
    page = client_of(rider).get(reverse("rewards:ledger")).content.decode()
    assert "(1)" in page
    assert "(3)" not in page


@pytest.mark.parametrize(
    ("sent", "points", "state"),
    [
        ({"act": "post"}, 15, "posted"),
        ({"act": "part", "points": "6", "reason": "只认其中一件"}, 6, "posted"),
        ({"act": "void", "reason": "两处来不及走到"}, 0, "voided"),
    ],
)
def test_held_points_are_given_in_whole_in_part_or_not(table, sent, points, state):
    rider = person()
    held = hold(rider)
    address = reverse("rewards:decide-hold", args=[held.public_id])
    assert client_of(person("supervisor")).post(address, sent).status_code == 303
    held.refresh_from_db()
    assert (held.state, held.given, queries.balance(rider.ref)) == (state, points, points)


@pytest.mark.parametrize(
    "sent",
    [
        {"act": "void"},
        {"act": "part", "points": "6"},
        {"act": "part", "points": "16", "reason": "多"},
        {"act": "part", "points": "x", "reason": "多"},
    ],
)
def test_a_decision_without_reason_or_sense_changes_nothing(table, sent):
    rider = person()
    held = hold(rider)
    page = client_of(person("admin")).post(reverse("rewards:decide-hold", args=[held.public_id]), sent)
    assert page.status_code == 422
    held.refresh_from_db()
    assert (held.state, queries.balance(rider.ref), Posting.objects.count()) == ("open", 0, 1)


@pytest.mark.parametrize("role", ["rider", "clerk", "merchant", "worker"])
def test_others_see_neither_page(table, role):
    client = client_of(person(role))
    for name in ("holds", "points-appeals", "table"):
        assert client.get(reverse(f"rewards:{name}")).status_code == 403


def test_a_supervisor_of_a_part_of_the_city_decides_nothing_and_sees_no_evidence(table):
    held, wide = hold(person()), person("supervisor")
    narrow = replace(wide, grants=tuple(replace(grant, path="350000/350500/") for grant in wide.grants))
    assert (queries.open_holds(narrow), queries.open_holds_count(narrow)) == (([], None), 0)
    assert queries.open_appeals(narrow) == ([], None)
    with pytest.raises(NotAllowed):
        services.post_hold(actor=narrow, public_id=held.public_id)
    assert len(queries.open_holds(wide)[0]) == 1
    assert services.post_hold(actor=wide, public_id=held.public_id).points == 15


# ── appeals ───────────────────────────────────────────────────────────────────
def appealed(rider, *, shows=False, **more):
    return services.appeal_points(actor=rider, entry=pay(rider, **more).pk, text="我报的是井盖，不是路面", shows=shows)


def test_an_entry_says_why(table):
    rider = person()
    page = client_of(rider).get(reverse("rewards:entry", args=[pay(rider).pk])).content.decode()
    assert "15 = 井盖缺失破损移位 15 × 1.0" in page
    assert "规则第 1 版" in page


def test_what_a_rider_says_is_sealed_and_says_no_name(table):
    rider = person()
    row = appealed(rider)
    assert "井盖".encode() not in bytes(row.sealed_words)
    page = client_of(person("admin")).get(reverse("rewards:points-appeals")).content.decode()
    assert "我报的是井盖，不是路面" in page
    assert "本人没有同意看" in page
    assert not [text for text in (PARAMS["place"], PARAMS["number"], rider.name, rider.public_id) if text in page]


def test_number_and_place_open_with_the_riders_leave(table):
    appealed(person(), shows=True)
    page = client_of(person("admin")).get(reverse("rewards:points-appeals")).content.decode()
    assert PARAMS["place"] in page


def test_no_line_of_the_history_says_who_appealed(table):
    rider, admin = person(), person("admin")
    row = appealed(rider, shows=True)
    services.answer_appeal(actor=admin, public_id=row.public_id, points=0, answer="规则就是 15 分")
    about = AuditEvent.objects.filter(subject=f"points-appeal:{row.public_id}").order_by("pk")
    assert list(about.values_list("action", "actor")) == [
        ("rewards.appealed", "rider"),
        ("rewards.appealed_refused", admin.ref),
    ]
    assert not AuditEvent.objects.filter(actor=rider.ref).exists()


def test_a_granted_appeal_pays_by_reference_and_tells(table):
    rider, admin = person(), person("admin")
    row = appealed(rider, rule="litter")
    day = row.posting.day
    with clock.at(clock.now() + timedelta(days=1)):
        done = services.answer_appeal(actor=admin, public_id=row.public_id, points=12, answer="确实是井盖")
        assert queries.balance(rider.ref) == 15
    assert (done.state, done.paid.points, done.paid.act) == ("granted", 12, "rewards.appealed")
    assert (done.paid.source, done.paid.rule_version, done.paid.day) == (row.posting.source, 1, day)
    assert Notice.objects.filter(person_id=rider.person_id, template="points.appeal_granted").count() == 1
    page = client_of(rider).get(f"/points/{row.posting_id}").content.decode()
    assert "申诉成立，分已补上" in page
    assert "确实是井盖" in page
    # What the appeal gave goes with the rest, if the report is found not true.
    services.reverse(source="report:1", reason="不属实", actor="system:test")
    assert queries.balance(rider.ref) == 0


def test_a_refused_appeal_changes_no_points_and_tells(table):
    rider = person()
    row = appealed(rider)
    done = services.answer_appeal(actor=person("admin"), public_id=row.public_id, points=0, answer="规则就是 15 分")
    assert (done.state, done.paid, queries.balance(rider.ref)) == ("refused", None, 15)
    assert Notice.objects.filter(person_id=rider.person_id, template="points.appeal_refused").count() == 1


def test_an_appeal_is_made_once_and_answered_once(table):
    rider, admin = person(), person("admin")
    row = appealed(rider)
    again = services.appeal_points(actor=rider, entry=row.posting_id, text="再说一遍也一样")
    assert again.pk == row.pk
    services.answer_appeal(actor=admin, public_id=row.public_id, points=1, answer="好")
    with pytest.raises(AppealEnded):
        services.answer_appeal(actor=admin, public_id=row.public_id, points=5, answer="再来")
    assert queries.balance(rider.ref) == 16


def test_who_decided_does_not_answer_the_appeal_against_it(table):
    rider, admin = person(), person("admin")
    given = services.post_hold(actor=admin, public_id=hold(rider).public_id, points=5, reason="只认其中一件")
    row = services.appeal_points(actor=rider, entry=given.pk, text="两件都是我拍的")
    with pytest.raises(NotAllowed):
        services.answer_appeal(actor=admin, public_id=row.public_id, points=10, answer="好")
    assert "由别人答复" in client_of(admin).get(reverse("rewards:points-appeals")).content.decode()
    assert queries.balance(rider.ref) == 5
    services.answer_appeal(actor=person("admin"), public_id=row.public_id, points=10, answer="好")
    assert queries.balance(rider.ref) == 15


def test_nobody_answers_the_own_appeal_and_riders_answer_none(table):
    admin = person("admin")
    row = appealed(admin)
    for actor in (admin, person("rider"), person("clerk")):
        with pytest.raises(NotAllowed):
            services.answer_appeal(actor=actor, public_id=row.public_id, points=5, answer="好")
    row.refresh_from_db()
    assert row.state == "open"


def test_anybody_elses_entry_is_not_there(table):
    posting, other = pay(person()), person()
    with pytest.raises(NoSuchEntry):
        services.appeal_points(actor=other, entry=posting.pk, text="这是我的吗")
    assert client_of(other).get(reverse("rewards:entry", args=[posting.pk])).status_code == 404
    assert not PointsAppeal.objects.exists()


def test_what_was_exchanged_or_is_long_ago_is_not_appealed(table):
    rider = person()
    posting = pay(rider)
    services.reserve(actor=rider, item=item().public_id, client_key="client-key-9")
    spent = Posting.objects.get(kind="spend")
    with pytest.raises(NothingToAppeal):
        services.appeal_points(actor=rider, entry=spent.pk, text="兑换的这一笔")
    with clock.at(clock.now() + timedelta(days=61)), pytest.raises(NothingToAppeal):
        services.appeal_points(actor=rider, entry=posting.pk, text="两个月前的")
    assert not PointsAppeal.objects.exists()


@pytest.mark.parametrize(("points", "answer"), [(5, " "), (201, "好"), (-1, "好")])
def test_an_answer_needs_words_and_sense(table, points, answer):
    row = appealed(person())
    with pytest.raises(Invalid):
        services.answer_appeal(actor=person("admin"), public_id=row.public_id, points=points, answer=answer)
    row.refresh_from_db()
    assert row.state == "open"


def test_the_form_of_an_appeal(table):
    rider = person()
    posting = pay(rider)
    client, address = client_of(rider), reverse("rewards:entry", args=[posting.pk])
    assert client.post(address, {"text": "短"}).status_code == 422
    assert client.post(address, {"text": "分数少了十分", "shows": "1"}).status_code == 303
    assert PointsAppeal.objects.get().shows is True
    assert "你的申诉有人会看" in client.get(address).content.decode()


def test_what_an_erased_rider_said_is_gone_and_the_copy_has_it_before(table):
    rider = person()
    row = appealed(rider)
    (copy,) = export_of(rider)["appeals"]
    assert (copy["words"], copy["state"]) == ("我报的是井盖，不是路面", "open")
    assert services.forget_appeals(person=rider.public_id) == 1
    row.refresh_from_db()
    assert (bytes(row.sealed_words), row.state) == (b"", "open")
    assert services.forget_appeals(person=rider.public_id) == 0
