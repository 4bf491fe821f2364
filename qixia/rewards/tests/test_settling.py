"""Statements: gathered, issued, objected to, agreed, paid; every sum as the books have it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from unittest import mock

import pytest
from django.db import DatabaseError, transaction

from qixia.audit.models import AuditEvent
from qixia.audit.retention import kinds
from qixia.jobs.models import Event
from qixia.kernel import clock
from qixia.kernel.errors import Invalid, NotAllowed
from qixia.notices.models import Notice
from qixia.rewards import queries, rules, services, settling
from qixia.rewards.errors import (
    AlreadyDisputed,
    BadClientKey,
    BankRefUsed,
    DisputeEnded,
    KeyReused,
    NeedsOtherEyes,
    NoCover,
    NoSuchDispute,
    NoSuchPayment,
    NoSuchStatement,
    NotTheKeeper,
    OwnStatement,
    PaymentReversed,
    StatementNotNow,
    TooLateToObject,
)
from qixia.rewards.models import Budget, Correction, Dispute, Payment, Posting, Statement, StatementLine, Use
from qixia.rewards.services.settling import gathering
from qixia.rewards.tests.builders import item, organisation, person
from qixia.rewards.tests.settled import (
    AFTER,
    MONTH,
    agreed,
    also_works_at,
    budget,
    in_month,
    issued,
    live,
    money_of,
    one_use,
    paid,
    policy,
    settled,
    somebody,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("table")]


@pytest.fixture(autouse=True)
def _cover():
    budget()


def sound() -> bool:
    found = services.compare()
    assert found.findings == {}
    return True


# ── issue ─────────────────────────────────────────────────────────────────────
def test_a_month_is_issued_with_lines_that_name_no_rider_and_money_from_the_budget():
    shop = organisation()
    one_use(shop, fen=1500, price=10)
    one_use(shop, fen=2000, price=7)
    row = issued(shop)
    assert (row.state, row.uses, row.points, row.fen, row.due_fen) == ("issued", 2, 17, 3500, 3500)
    assert money_of(shop) == {"settlement:fen": 3500, "settlement:points": 17}
    lines = list(row.lines.order_by("pk"))
    assert [(one.kind, one.fen, one.points, len(one.tail), one.late) for one in lines] == [
        ("use", 1500, 10, 4, False),
        ("use", 2000, 7, 4, False),
    ]
    assert row.posting.nominal == 3500
    assert Notice.objects.filter(template="statement.issued").count() == 0  # nobody works there
    assert Event.objects.filter(name="rewards.statement_issued", ref=row.ref).count() == 1
    assert sound()


def test_a_run_again_changes_nothing_and_a_kill_in_the_middle_is_taken_up():
    shop = organisation()
    for _number in range(5):
        one_use(shop)
    with clock.at(AFTER), mock.patch.object(gathering, "PAGE", 2):
        gather, calls = gathering.gather, []

        def dies(pk: int) -> bool:
            calls.append(pk)
            if len(calls) == 2:
                raise KeyboardInterrupt
            return gather(pk)

        with mock.patch.object(gathering, "gather", dies), pytest.raises(KeyboardInterrupt):
            services.issue_due()
        draft = Statement.objects.get()
        assert (draft.state, StatementLine.objects.count(), money_of(shop).get("settlement:fen")) == ("draft", 2, None)
        assert sound()
        first = services.issue_due()
        again = services.issue_due()
    row = Statement.objects.get()
    assert (first.issued, again.issued) == ([row.public_id], [])
    assert (row.state, row.uses, row.fen, StatementLine.objects.count()) == ("issued", 5, 7500, 5)
    assert Posting.objects.filter(rule="money").count() == 1
    assert sound()


def test_what_earlier_statements_took_is_not_read_again():
    old, new = organisation(), organisation()
    one_use(old)
    issued(old)
    november = date(2026, 11, 1)
    with clock.at(datetime(2026, 11, 5, tzinfo=UTC)):
        for shop in (old, new):
            one_use(shop)
    open_now = gathering.open_uses(november, [old.pk, new.pk])
    assert (open_now.count(), gathering.open_uses(MONTH, [old.pk, new.pk]).count()) == (2, 0)
    assert str(open_now.query).count('"at" >= ') == 1  # of the shop with a statement
    assert str(gathering.open_uses(november, [new.pk]).query).count('"at" >= ') == 0
    assert gathering.merchants_with_matter(november) == sorted([old.pk, new.pk])
    assert gathering.merchants_with_matter(MONTH) == []


def test_nothing_is_issued_before_the_day_of_the_policy_or_while_the_month_runs():
    shop = organisation()
    one_use(shop)
    with clock.at(datetime(2026, 11, 2, 4, tzinfo=UTC)):
        assert services.issue_due().issued == []
        assert Statement.objects.count() == 0
        with pytest.raises(Invalid):
            services.issue_month(actor=person("admin"), month=date(2026, 11, 1))
        with pytest.raises(NotAllowed):
            services.issue_month(actor=person("clerk"), month=MONTH)
        assert len(services.issue_month(actor=person("admin"), month=MONTH).issued) == 1


def test_what_arrives_after_the_month_goes_to_the_next_one_as_late():
    shop = organisation()
    one_use(shop)
    issued(shop)
    with clock.at(datetime(2026, 11, 5, tzinfo=UTC)):
        live(shop, taken_at=datetime(2026, 10, 30, 3, tzinfo=UTC))
    row = issued(shop, month=date(2026, 11, 1))
    assert (row.uses, row.late, row.lines.get().late) == (1, 1, True)
    assert Statement.objects.get(month=MONTH).uses == 1
    assert sound()


def test_the_month_is_the_citys_month():
    shop = organisation()
    live(shop, at=datetime(2026, 10, 31, 15, 59, tzinfo=UTC))
    live(shop, at=datetime(2026, 10, 31, 16, 1, tzinfo=UTC))
    assert issued(shop).uses == 1


def test_without_cover_a_statement_waits_administrators_are_told_once_and_a_budget_lets_it_go():
    Budget.objects.filter(unit="fen").update(cap=1000, rest=1000)
    shop, boss = organisation(), somebody("admin")
    one_use(shop, fen=1500)
    with clock.at(AFTER):
        first, again = services.issue_due(), services.issue_due()
        row = Statement.objects.get()
        assert (first.waiting, again.waiting) == ([row.public_id], [row.public_id])
        assert (row.state, row.waits_since, row.due_fen) == ("draft", AFTER, 0)
        assert Notice.objects.filter(template="statement.uncovered", person_id=boss.person_id).count() == 1
        assert money_of(shop) == {"settlement:points": 10}
        fund = Budget.objects.get(unit="fen")
        services.change_cap(actor=boss, budget=fund.public_id, cap=50_000, reason="追加")
        assert services.issue_due().issued == [row.public_id]
    row.refresh_from_db()
    assert (row.state, row.waits_since, row.fen) == ("issued", None, 1500)


def test_a_settle_price_is_shared_over_parts_and_sums_to_the_whole():
    shop = organisation()
    thing = item(shop, parts=3, face_value_fen=1500, settle_fen=1000, price=10)
    for _part in range(3):
        live(shop, thing=thing, units=1, again=True)
    row = issued(shop)
    assert [one.fen for one in row.lines.order_by("pk")] == [333, 333, 334]
    assert [one.face_fen for one in row.lines.order_by("pk")] == [500, 500, 500]
    assert row.points == 10
    assert sound()


def test_the_price_of_the_day_of_reserving_holds_and_the_policy_may_say_face_value():
    shop = organisation()
    thing = item(shop, face_value_fen=1500, settle_fen=1200)
    live(shop, thing=thing)
    thing.settle_fen = 900
    thing.save()
    assert issued(shop).fen == 1200
    other = organisation()
    live(other, thing=item(other, face_value_fen=1500, settle_fen=1200))
    policy(pays="face_value")
    assert issued(other).fen == 1500


# ── small sums ────────────────────────────────────────────────────────────────
def test_a_small_sum_is_carried_over_with_its_points_once():
    shop = organisation()
    one_use(shop, fen=600, price=3)
    first = agreed(shop)
    assert (first.due_fen, first.carried_fen, first.carried_points, first.state) == (0, 600, 3, "agreed")
    with clock.at(datetime(2026, 11, 10, tzinfo=UTC)):
        live(shop, thing=item(shop, face_value_fen=500, price=2))
    second = issued(shop, month=date(2026, 11, 1))
    assert (second.fen, second.brought_fen, second.due_fen, second.due_points) == (500, 600, 1100, 5)
    assert Statement.objects.get(pk=first.pk).carried_into_id == second.pk
    assert sound()


def test_in_the_last_month_of_the_year_every_sum_is_paid_also_without_uses():
    shop = organisation()
    one_use(shop, fen=600, price=3)
    agreed(shop)
    with clock.at(datetime(2027, 1, 4, 4, tzinfo=UTC)):
        assert len(services.issue_due().issued) == 1
    row = Statement.objects.get(month=date(2026, 12, 1))
    assert (row.uses, row.brought_fen, row.due_fen, row.due_points) == (0, 600, 600, 3)
    assert sound()


def test_where_nothing_is_to_pay_points_are_retired_when_it_is_agreed():
    shop = organisation()
    live(shop, thing=item(shop, face_value_fen=None, kind="privilege", price=8))
    row = agreed(shop)
    assert (row.state, row.due_fen, row.due_points, row.closing.kind) == ("paid", 0, 8, "pay")
    assert money_of(shop) == {}
    assert queries.collected(rules.CITY, rules.RETIRED) == 8
    assert sound()


@pytest.mark.parametrize(
    ("fen", "points", "expected"),
    [
        (999, 5, (0, 0, 999, 5)),
        (1000, 5, (1000, 5, 0, 0)),
        (0, 5, (0, 5, 0, 0)),
        (-1, 5, (0, 0, -1, 5)),
        (0, 0, (0, 0, 0, 0)),
    ],
)
def test_what_becomes_of_a_sum(fen, points, expected):
    found = settling.outcome(settling.SettlementPolicy(), MONTH, fen=fen, points=points)
    assert (found.due_fen, found.due_points, found.carried_fen, found.carried_points) == expected


@pytest.mark.parametrize(("fen", "due"), [(1, 1), (-1, 0)])
def test_the_last_month_of_the_year_pays_all_but_debts(fen, due):
    found = settling.outcome(settling.SettlementPolicy(), date(2026, 12, 1), fen=fen, points=0)
    assert (found.due_fen, found.carried_fen) == (due, fen - due)


def test_months():
    assert settling.last_month(date(2027, 1, 31)) == date(2026, 12, 1)
    assert settling.next_month(date(2026, 12, 1)) == date(2027, 1, 1)
    assert settling.due_month(settling.SettlementPolicy(), date(2026, 11, 2)) is None
    assert settling.due_month(settling.SettlementPolicy(), date(2026, 11, 3)) == MONTH
    with pytest.raises(ValueError, match="fewer"):
        settling.SettlementPolicy(object_days=2, remind_days=2)


# ── states, cell by cell ──────────────────────────────────────────────────────
STEPS = {
    "dispute": lambda town: services.dispute(actor=town.clerk, statement=town.row.public_id, reason="少了一笔"),
    "agree": lambda town: services.agree(actor=town.keeper, statement=town.row.public_id),
    "lapse": lambda town: services.agree_silent(),
    "pay": lambda town: paid(town, fen=town.row.due_fen or 3000),
    "answer": lambda town: services.answer_dispute(
        actor=town.boss, dispute=Dispute.objects.get().public_id, answer="核对过，没有错"
    ),
    "unpay": lambda town: services.reverse_payment(
        actor=town.boss, payment=Payment.objects.get().public_id, reason="登记错了"
    ),
    "correct": lambda town: services.correct(
        actor=town.boss, statement=town.row.public_id, fen=100, reason="面值登记错了", client_key="correction-1"
    ),
}
# (step, state) → the state after, or the refusal
CELLS = {
    ("dispute", "draft"): NoSuchStatement,
    ("dispute", "issued"): "disputed",
    ("dispute", "disputed"): AlreadyDisputed,
    ("dispute", "agreed"): StatementNotNow,
    ("dispute", "paid"): StatementNotNow,
    ("agree", "draft"): NoSuchStatement,
    ("agree", "issued"): "agreed",
    ("agree", "disputed"): StatementNotNow,
    ("agree", "agreed"): "agreed",
    ("agree", "paid"): "paid",
    ("lapse", "draft"): "draft",
    ("lapse", "issued"): "agreed",
    ("lapse", "disputed"): "disputed",
    ("lapse", "agreed"): "agreed",
    ("lapse", "paid"): "paid",
    ("pay", "draft"): NoSuchStatement,
    ("pay", "issued"): StatementNotNow,
    ("pay", "disputed"): StatementNotNow,
    ("pay", "agreed"): "paid",
    ("pay", "paid"): "paid",
    ("answer", "disputed"): "issued",
    ("unpay", "paid"): "agreed",
    ("correct", "draft"): NoSuchStatement,
    ("correct", "issued"): "issued",
    ("correct", "disputed"): "disputed",
    ("correct", "agreed"): "agreed",
    ("correct", "paid"): "paid",
}


@pytest.mark.parametrize(("step", "state"), CELLS)
def test_every_step_in_every_state(step, state):
    town = settled(state)
    late = timedelta(days=30) if step == "lapse" else timedelta(minutes=1)
    expected = CELLS[step, state]
    before = list(Statement.objects.values()), Posting.objects.count(), AuditEvent.objects.count()
    with clock.at(town.now + late):
        if isinstance(expected, str):
            STEPS[step](town)
            town.row.refresh_from_db()
            assert town.row.state == expected
        else:
            with pytest.raises(expected):
                STEPS[step](town)
            assert before == (list(Statement.objects.values()), Posting.objects.count(), AuditEvent.objects.count())
    assert sound()


def test_the_table_of_steps_knows_only_its_states():
    for start, end in settling.STEPS.values():
        assert start <= set(settling.STATES)
        assert end in settling.STATES
    assert set(settling.LABELS) == set(settling.GLYPHS) == set(settling.STATES)


# ── objections ────────────────────────────────────────────────────────────────
def test_an_objection_to_a_line_that_is_accepted_adds_a_line_and_opens_the_time_anew():
    town = settled("issued")
    line = town.row.lines.first()
    with clock.at(town.now + timedelta(days=1)):
        made = services.dispute(actor=town.clerk, statement=town.row.public_id, reason="面值是 18 元", line=line.pk)
        with pytest.raises(AlreadyDisputed):
            services.dispute(actor=town.clerk, statement=town.row.public_id, reason="再说一次", line=line.pk)
        services.answer_dispute(actor=town.boss, dispute=made.public_id, answer="核对后补 3 元", fen=300)
    row = Statement.objects.get()
    assert (row.state, row.fen, row.corrected_fen, row.due_fen) == ("issued", 3300, 300, 3300)
    assert row.object_until > town.row.object_until
    correction = row.lines.get(kind="correction")
    assert (correction.fen, correction.tail, correction.note) == (300, line.tail, "核对后补 3 元")
    assert money_of(town.shop)["settlement:fen"] == 3300
    told = set(Notice.objects.filter(person_id=town.keeper.person_id).values_list("template", flat=True))
    assert {"statement.issued", "statement.corrected"} <= told
    assert Notice.objects.filter(person_id=town.boss.person_id, template="statement.disputed").count() == 1
    assert sound()


def test_a_correction_downwards_gives_the_cover_back():
    town = settled("issued")
    fund = Budget.objects.get(unit="fen")
    left = fund.rest + sum(fund.slices.values_list("left", flat=True))
    with clock.at(town.now):
        services.correct(
            actor=town.boss, statement=town.row.public_id, fen=-500, reason="多记了一笔", client_key="correction-1"
        )
    fund.refresh_from_db()
    assert fund.rest + sum(fund.slices.values_list("left", flat=True)) == left + 500
    assert Statement.objects.get().due_fen == 2500
    assert money_of(town.shop)["settlement:fen"] == 2500
    assert sound()


@pytest.mark.parametrize("state", ["issued", "paid"])
def test_a_correction_that_is_sent_twice_moves_money_once(state):
    town = settled(state)
    other = settled(state)
    form = {"actor": town.boss, "fen": 700, "reason": "少记了一笔", "client_key": "correction-1"}
    with clock.at(town.now):
        first = services.correct(statement=town.row.public_id, **form)
        assert services.correct(statement=town.row.public_id, **form) == first
        assert services.correct(statement=other.row.public_id, **form) != first
        for wrong, refusal in (
            ({"fen": 800}, KeyReused),
            ({"reason": "另一件事"}, KeyReused),
            ({"client_key": ""}, BadClientKey),
            ({"client_key": "x" * 65}, BadClientKey),
        ):
            with pytest.raises(refusal):
                services.correct(statement=town.row.public_id, **form | wrong)
        services.correct(statement=town.row.public_id, **form | {"client_key": "correction-2"})
    assert [one.fen for one in Correction.objects.filter(statement=town.row)] == [700, 700]
    assert Statement.objects.get(pk=town.row.pk).fen == (4400 if state == "issued" else 3000)
    assert AuditEvent.objects.filter(action="rewards.statement_corrected", subject=town.row.ref).count() == 2
    assert sound()


def test_an_objection_that_is_refused_says_why_and_changes_no_sum():
    town = settled("disputed")
    with clock.at(town.now + timedelta(days=1)):
        dispute = Dispute.objects.get().public_id
        for wrong in ("", "x"):
            with pytest.raises(Invalid):
                services.answer_dispute(actor=town.boss, dispute=dispute, answer=wrong)
        services.answer_dispute(actor=town.boss, dispute=dispute, answer="和收券记录一致")
        with pytest.raises(DisputeEnded):
            services.answer_dispute(actor=town.boss, dispute=dispute, answer="再答一次")
    found = Dispute.objects.get()
    assert (found.state, found.answer, Statement.objects.get().fen) == ("refused", "和收券记录一致", 3000)
    assert Notice.objects.filter(template="statement.refused", person_id=town.keeper.person_id).count() == 1


def test_while_one_objection_waits_the_statement_stays_disputed():
    town = settled("disputed")
    line = town.row.lines.first()
    with clock.at(town.now + timedelta(minutes=1)):
        second = services.dispute(actor=town.clerk, statement=town.row.public_id, reason="这笔不对", line=line.pk)
        services.answer_dispute(
            actor=town.boss, dispute=Dispute.objects.exclude(pk=second.pk).get().public_id, answer="没有错"
        )
        assert Statement.objects.get().state == "disputed"
        services.answer_dispute(actor=town.boss, dispute=second.public_id, answer="也没有错")
        assert Statement.objects.get().state == "issued"


def test_a_line_cannot_be_corrected_below_nothing_nor_beyond_the_budget():
    town = settled("issued")
    line = town.row.lines.first()
    with clock.at(town.now + timedelta(minutes=1)):
        made = services.dispute(actor=town.clerk, statement=town.row.public_id, reason="多了", line=line.pk)
        with pytest.raises(Invalid):
            services.answer_dispute(actor=town.boss, dispute=made.public_id, answer="减", fen=-line.fen - 1)
        with pytest.raises(NoCover):
            services.answer_dispute(actor=town.boss, dispute=made.public_id, answer="加上", fen=10**9)
    assert Dispute.objects.get().state == "open"
    assert Statement.objects.get().fen == 3000
    assert sound()


def test_who_objects_too_late_is_told():
    town = settled("issued")
    with clock.at(town.row.object_until + timedelta(seconds=1)), pytest.raises(TooLateToObject):
        services.dispute(actor=town.clerk, statement=town.row.public_id, reason="少了一笔")
    assert Dispute.objects.count() == 0


def test_a_correction_of_what_is_agreed_goes_to_the_next_month():
    town = settled("paid")
    with clock.at(town.now):
        services.correct(
            actor=town.boss, statement=town.row.public_id, fen=1200, reason="少算了一笔", client_key="correction-1"
        )
    assert Statement.objects.get().fen == 3000
    row = issued(town.shop, month=date(2026, 11, 1))
    line = row.lines.get()
    assert (row.uses, row.fen, row.due_fen, line.kind, line.late) == (0, 1200, 1200, "correction", True)
    assert money_of(town.shop)["settlement:fen"] == 1200
    assert sound()


# ── agreement ─────────────────────────────────────────────────────────────────
def test_the_keeper_agrees_staff_does_not_and_nobody_to_a_sum_he_did_not_see():
    town = settled("issued")
    with clock.at(town.now):
        with pytest.raises(NotTheKeeper):
            services.agree(actor=town.clerk, statement=town.row.public_id)
        with pytest.raises(NoSuchStatement):
            services.agree(actor=person("merchant", organisation()), statement=town.row.public_id)
        with pytest.raises(StatementNotNow):
            services.agree(actor=town.keeper, statement=town.row.public_id, seen_fen=2999)
        assert Statement.objects.get().state == "issued"
        services.agree(actor=town.keeper, statement=town.row.public_id, seen_fen=3000)
    row = Statement.objects.get()
    assert (row.state, row.agreed_by, row.agreed_at) == ("agreed", town.keeper.ref, town.now)
    assert row.pay_until > town.now + timedelta(days=9)


def test_silence_agrees_after_the_working_days_and_is_announced_twice():
    town = settled("issued")  # on Tuesday the 3rd; five working days: Tuesday the 10th
    assert clock.city_time(town.row.object_until).date() == date(2026, 11, 10)
    with clock.at(datetime(2026, 11, 5, 4, tzinfo=UTC)):
        assert (services.remind_silent(), services.agree_silent()) == (0, 0)
    with clock.at(datetime(2026, 11, 6, 4, tzinfo=UTC)):
        assert (services.remind_silent(), services.remind_silent()) == (1, 0)
    with clock.at(datetime(2026, 11, 11, 4, tzinfo=UTC)):
        assert (services.agree_silent(), services.agree_silent()) == (1, 0)
    row = Statement.objects.get()
    assert (row.state, row.agreed_by) == ("agreed", "")
    told = Notice.objects.filter(person_id=town.keeper.person_id).order_by("pk").values_list("template", flat=True)
    assert list(told) == ["statement.issued", "statement.reminder", "statement.lapsed"]


# ── payment ───────────────────────────────────────────────────────────────────
def test_a_payment_empties_the_settlement_accounts_once():
    town = settled("agreed")
    with clock.at(town.now + timedelta(days=1)):
        first = paid(town)
        again = paid(town)
    assert first.pk == again.pk
    assert money_of(town.shop) == {"paid:fen": 3000}
    assert queries.collected(rules.CITY, rules.RETIRED) == 20
    assert (Payment.objects.count(), Statement.objects.get().state) == (1, "paid")
    assert Notice.objects.filter(template="statement.paid", person_id=town.keeper.person_id).count() == 1
    assert sound()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"fen": 2999}, "fen"),
        ({"bank_ref": "12"}, "bank_ref"),
        ({"paid_on": date(2026, 11, 30)}, "paid_on"),
        ({"paid_on": date(2026, 10, 30)}, "paid_on"),
    ],
)
def test_a_payment_that_does_not_fit_is_refused(wrong, field):
    town = settled("agreed")
    with clock.at(town.now + timedelta(days=1)), pytest.raises(Invalid) as refused:
        paid(town, **wrong)
    assert refused.value.field == field
    assert (Payment.objects.count(), money_of(town.shop)["settlement:fen"]) == (0, 3000)


def test_four_eyes():
    town = settled("disputed")
    with clock.at(town.now + timedelta(days=1)):
        services.answer_dispute(actor=town.boss, dispute=Dispute.objects.get().public_id, answer="没有错")
        services.agree(actor=town.keeper, statement=town.row.public_id)
        with pytest.raises(NeedsOtherEyes):
            paid(town, actor=town.boss)
        assert Payment.objects.count() == 0
        paid(town, actor=somebody("admin"))
    corrected = settled("issued")
    with clock.at(corrected.now + timedelta(days=1)):
        services.correct(
            actor=corrected.boss, statement=corrected.row.public_id, fen=100, reason="补上", client_key="correction-1"
        )
        services.agree(actor=corrected.keeper, statement=corrected.row.public_id)
        with pytest.raises(NeedsOtherEyes):
            paid(corrected, actor=corrected.boss, fen=3100, bank_ref="ICBC-2")
    by_hand = organisation()
    live(by_hand)
    boss = somebody("admin")
    with clock.at(AFTER):
        services.issue_month(actor=boss, month=MONTH, merchants=[by_hand.pk])
        assert Statement.objects.get(merchant=by_hand).issued_by == boss.ref


def test_a_shops_own_people_settle_nothing_of_it():
    town = settled("agreed")
    boss = also_works_at(town.boss, town.shop)
    with clock.at(town.now + timedelta(days=1)):
        with pytest.raises(OwnStatement):
            paid(town, actor=boss)
        with pytest.raises(OwnStatement):
            services.correct(
                actor=boss, statement=town.row.public_id, fen=100, reason="补上", client_key="correction-1"
            )
        with pytest.raises(OwnStatement):
            services.issue_month(actor=boss, month=MONTH, merchants=[town.shop.pk])


def test_a_bank_number_pays_once_and_a_wrong_payment_is_reversed_once():
    town = settled("paid")
    other = settled("agreed")
    payment = Payment.objects.get()
    with clock.at(town.now + timedelta(days=1)):
        with pytest.raises(BankRefUsed):
            paid(other, bank_ref=payment.bank_ref)
        with pytest.raises(Invalid):
            services.reverse_payment(actor=town.boss, payment=payment.public_id, reason=" ")
        services.reverse_payment(actor=town.boss, payment=payment.public_id, reason="流水号填错了")
        with pytest.raises(PaymentReversed):
            services.reverse_payment(actor=town.boss, payment=payment.public_id, reason="再来一次")
        assert money_of(town.shop) == {"settlement:fen": 3000, "settlement:points": 20}
        assert sound()
        paid(town, bank_ref="ICBC-NEW")
    payment.refresh_from_db()
    assert payment.posting.reversed_by.kind == "reversal"
    assert money_of(town.shop) == {"paid:fen": 3000}
    assert sound()


def test_what_does_not_exist():
    boss = person("admin")
    with pytest.raises(NoSuchDispute):
        services.answer_dispute(actor=boss, dispute="none", answer="没有")
    with pytest.raises(NoSuchPayment):
        services.reverse_payment(actor=boss, payment="none", reason="没有")
    with pytest.raises(NoSuchStatement):
        services.correct(actor=boss, statement="none", fen=1, reason="没有", client_key="correction-1")


# ── the proof finds what somebody changes ─────────────────────────────────────
@pytest.mark.parametrize(
    "edit",
    [
        lambda row: Statement.objects.filter(pk=row.pk).update(fen=row.fen + 1, due_fen=row.due_fen + 1),
        lambda row: Statement.objects.filter(pk=row.pk).update(uses=7),
        lambda row: Statement.objects.filter(pk=row.pk).update(brought_fen=5, due_fen=row.due_fen + 5),
        lambda row: Statement.objects.filter(pk=row.pk).update(posting=None),
        lambda row: Payment.objects.filter(statement=row).update(reversed_at=row.issued_at),
        lambda row: Statement.objects.filter(pk=row.pk).update(state="agreed", paid_at=None),
    ],
    ids=["sum", "count", "brought", "posting", "payment", "state"],
)
def test_the_proof_names_a_statement_that_was_edited(edit):
    town = settled("paid")
    assert sound()
    edit(town.row)
    assert services.compare().wrong_statements == [town.row.public_id]


def test_the_proof_names_a_use_that_no_statement_has():
    shop = organisation()
    one_use(shop)
    row = issued(shop)
    with clock.at(in_month(20)):
        live(shop, again=True, at=in_month(20))
    assert services.compare().wrong_statements == [row.public_id]


def test_the_database_refuses_a_change_of_lines():
    town = settled("issued")
    for act in (lambda: StatementLine.objects.update(fen=1), lambda: StatementLine.objects.all().delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            act()
    assert town.row.lines.count() == 2


def test_a_use_is_in_one_statement():
    shop = organisation()
    one_use(shop)
    issued(shop)
    assert Use.objects.filter(line__isnull=True).count() == 0


def test_words_about_statements_go_after_years_and_the_books_stay():
    town = settled("disputed")
    with clock.at(town.now):
        services.answer_dispute(actor=town.boss, dispute=Dispute.objects.get().public_id, answer="核对过，没有错")
    kind = next(one for one in kinds() if one.name == "settlement-words")
    assert kind.oldest() == town.now
    assert kind.purge(town.now, 10) == 0
    assert kind.purge(town.now + timedelta(seconds=1), 10) == 1
    found = Dispute.objects.get()
    assert (found.reason, found.answer, found.state) == ("", "", "refused")
    assert kind.oldest() is None
    assert sound()
