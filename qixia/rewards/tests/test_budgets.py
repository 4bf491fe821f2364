"""No points without cover: slices, the cap, what happens there, and who is told."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext

from qixia.audit.models import AuditEvent
from qixia.kernel import clock
from qixia.kernel.errors import Invalid, NotAllowed
from qixia.notices.models import Notice
from qixia.policy.services import publish
from qixia.rewards import queries, rules, terms
from qixia.rewards.errors import BudgetOverlaps, CapTooLow, KeyReused, NoCover
from qixia.rewards.models import Budget, BudgetChange, Owed, Posting, Slice
from qixia.rewards.services import (
    Award,
    award,
    award_many,
    change_cap,
    compare,
    money,
    open_budget,
    pay_owed,
    restore,
    reverse,
    seal_postings,
    settle_money,
    watch_budgets,
)
from qixia.rewards.tests.builders import organisation, person

pytestmark = pytest.mark.usefixtures("table")
EVER = datetime(2001, 1, 1, tzinfo=UTC)


def terms_are(**budgets):
    publish("rewards.books", {"budgets": budgets}, note="测试", actor_ref="system:test", valid_from=EVER)


def paid(rider, n, rule="manhole"):
    return award(beneficiary=rider.ref, rule=rule, source=f"report:{n}", act="x", actor="system:x")


def city() -> Budget:
    return Budget.objects.get()


def test_the_citys_period_opens_by_itself_and_covers_what_is_paid():
    terms_are(period="month", caps={"points": 100}, slice_size=40)
    rider = person()
    paid(rider, 1)
    budget = city()
    today = clock.city_date(clock.now())
    assert (budget.starts_on, budget.owner_ref, budget.cap, budget.rest) == (today.replace(day=1), "city", 100, 60)
    assert Slice.objects.aggregate(n=Sum("left"))["n"] == 25
    assert queries.collected("city", "budget") == -15
    assert compare().is_sound
    assert AuditEvent.objects.filter(action="rewards.budget_opened").count() == 1


def test_the_last_rests_are_gathered_from_the_slices():
    terms_are(caps={"points": 45}, slice_size=15)
    paid(person(), 0)
    budget = city()
    Slice.objects.filter(budget=budget, slot__in=(3, 9)).update(left=10)
    Slice.objects.filter(budget=budget, slot=12).update(left=7)
    Budget.objects.update(rest=3)
    posting = paid(person(), 1)
    assert posting.points == 15
    assert (Slice.objects.aggregate(n=Sum("left"))["n"] + city().rest) == 15
    assert compare().is_sound


def test_beyond_the_cap_an_award_waits_and_is_paid_oldest_first_when_there_is_cover_again():
    terms_are(caps={"points": 20})
    first, second, third = person(), person(), person()
    assert paid(first, 1).points == 15
    waiting = paid(second, 2)
    assert (waiting.points, waiting.promised, waiting.nominal) == (0, 15, 15)
    # A small one that would still fit does not overtake those who wait.
    assert paid(third, 3, rule="one").points == 0
    assert paid(second, 2).pk == waiting.pk
    assert Notice.objects.filter(template="points.owed").count() == 2
    assert (queries.balance(second.ref), pay_owed()) == (0, 0)
    assert compare().is_sound

    change_cap(actor=person("admin"), budget=city().public_id, cap=31, reason="追加")
    assert pay_owed() == 2
    assert pay_owed() == 0
    assert (queries.balance(second.ref), queries.balance(third.ref)) == (15, 1)
    assert queries.points_of(["report:2"]) == {"report:2": 15}
    assert list(Owed.objects.order_by("id").values_list("state", flat=True)) == ["paid", "paid"]
    assert Posting.objects.get(pays=waiting).day == waiting.day
    assert compare().is_sound


def test_what_is_owed_counts_against_the_caps_of_its_day():
    terms_are(caps={"points": 0})
    rider = person()
    for n in range(5):
        paid(rider, n, rule="litter")  # 3 points, 7 a day
    assert Owed.objects.aggregate(n=Sum("points"))["n"] == 7
    change_cap(actor=person("admin"), budget=city().public_id, cap=100, reason="追加")
    assert pay_owed() == 3
    assert paid(rider, 9, rule="litter").points == 0
    assert queries.balance(rider.ref) == 7
    assert compare().is_sound


def test_a_batch_is_covered_in_its_order():
    terms_are(caps={"points": 35})
    riders = [person() for _ in range(3)]
    made = award_many([Award(one.ref, "manhole", f"report:{n}", "x", "system:x") for n, one in enumerate(riders)])
    assert [(one.points, one.promised) for one in made] == [(15, 0), (15, 0), (0, 15)]
    assert compare().is_sound


def test_the_policy_may_refuse_instead():
    terms_are(caps={"points": 10}, at_cap="refuse")
    rider = person()
    refused = paid(rider, 1)
    assert (refused.points, refused.promised, refused.params["uncovered"]) == (0, 0, "refuse")
    assert not Owed.objects.exists()
    assert Notice.objects.get().template == "points.uncovered"
    assert compare().is_sound


def test_nothing_is_refused_for_good_because_others_wait():
    terms_are(caps={"points": 10})
    rider = person()
    paid(rider, 1)  # waits
    publish(
        "rewards.books",
        {"budgets": {"caps": {"points": 10}, "at_cap": "refuse"}},
        note="测试",
        actor_ref="system:test",
        valid_from=EVER + timedelta(days=1),
    )
    waiting = paid(rider, 2, rule="fire-lane")
    assert (waiting.points, waiting.promised, waiting.params["uncovered"]) == (0, 10, "wait")
    change_cap(actor=person("admin"), budget=city().public_id, cap=25, reason="追加")
    assert pay_owed() == 2
    assert queries.balance(rider.ref) == 25
    assert compare().is_sound


def test_a_reversal_gives_cover_back_and_drops_what_is_owed():
    terms_are(caps={"points": 15})
    first, second = person(), person()
    paid(first, 1)
    paid(second, 2)
    [ended] = reverse(source="report:2", reason="无效", actor="system:x")
    assert (ended.kind, ended.points, ended.nominal) == (rules.VOID, 0, -15)
    assert reverse(source="report:2", reason="无效", actor="system:x") == [ended]
    assert Owed.objects.get().state == "dropped"
    reverse(source="report:1", reason="无效", actor="system:x")
    assert Slice.objects.aggregate(n=Sum("left"))["n"] + city().rest == 15
    assert compare().is_sound
    # What was owed and dropped comes back whole when the decision was wrong.
    assert [one.points for one in restore(source="report:2", reason="申诉成立", actor="system:x")] == [15]
    assert restore(source="report:2", reason="申诉成立", actor="system:x") == []
    assert queries.balance(second.ref) == 15
    assert compare().is_sound


def test_what_another_payer_gave_is_restored_from_its_budget():
    today, payer = clock.city_date(clock.now()), "organisation:sponsor"
    span = {"unit": "points", "starts_on": today, "ends_on": today + timedelta(days=30), "cap": 15}
    open_budget(actor=person("admin"), owner_ref=payer, **span)
    rider = person()
    award_many([Award(rider.ref, "manhole", "report:1", "x", "system:x", payer=payer)])
    reverse(source="report:1", reason="无效", actor="system:x")
    [restored] = restore(source="report:1", reason="申诉成立", actor="system:x")
    assert (restored.points, queries.collected(payer, "budget"), queries.collected("city", "budget")) == (15, -15, 0)
    assert compare().is_sound


def test_a_period_by_hand_joins_the_ones_of_the_policy():
    terms_are(period="year", caps={"points": 100})
    admin = person("admin")
    day = date(2027, 3, 1)
    with clock.at(datetime(2027, 1, 5, 4, tzinfo=UTC)):
        open_budget(actor=admin, owner_ref="city", unit="points", starts_on=day, ends_on=date(2027, 5, 31), cap=7)
        paid(person(), 1)
        with pytest.raises(BudgetOverlaps):
            open_budget(actor=admin, owner_ref="city", unit="points", starts_on=day, ends_on=day, cap=7)
    with clock.at(datetime(2027, 8, 5, 4, tzinfo=UTC)):
        paid(person(), 2)
    periods = Budget.objects.order_by("starts_on").values_list("starts_on", "ends_on")
    assert list(periods) == [
        (date(2027, 1, 1), date(2027, 2, 28)),
        (day, date(2027, 5, 31)),
        (date(2027, 6, 1), date(2027, 12, 31)),
    ]
    caps = Budget.objects.order_by("starts_on").values_list("cap", flat=True)
    assert list(caps) == [100 * 59 // 365, 7, 100 * 214 // 365], "each its days' part"


def test_who_may_and_what_is_refused():
    terms_are(caps={"points": 100}, slice_size=40)
    paid(person(), 1)
    budget, admin = city().public_id, person("admin")
    with pytest.raises(NotAllowed):
        change_cap(actor=person("auditor"), budget=budget, cap=10, reason="x")
    with pytest.raises(Invalid):
        change_cap(actor=admin, budget=budget, cap=10, reason=" ")
    with pytest.raises(CapTooLow) as low:
        change_cap(actor=admin, budget=budget, cap=14, reason="x")
    assert low.value.context["least"] == 15
    assert (city().cap, city().rest, BudgetChange.objects.count()) == (100, 60, 0)
    assert compare().is_sound
    change_cap(actor=admin, budget=budget, cap=40, reason="少一点")
    change = BudgetChange.objects.latest("pk")
    assert (change.before, change.after, change.reason, city().rest) == (100, 40, "少一点", 0)
    assert compare().is_sound
    change_cap(actor=admin, budget=budget, cap=15, reason="只够用过的")
    assert (city().rest, Slice.objects.aggregate(n=Sum("left"))["n"]) == (0, 0)
    assert compare().is_sound
    past = {"starts_on": date(2020, 1, 1), "ends_on": date(2020, 2, 1), "cap": 1}
    for wrong in (past, {**past, "ends_on": date(2019, 1, 1)}):
        with pytest.raises(Invalid):
            open_budget(actor=admin, owner_ref="city", unit="points", **wrong)
    assert Budget.objects.count() == 1


def test_administrators_are_told_at_80_and_at_100_percent_once_each():
    terms_are(caps={"points": 18})
    person("admin")
    paid(person(), 1)
    Notice.objects.all().delete()
    assert (watch_budgets(), watch_budgets()) == (1, 0)
    assert Notice.objects.get().template == "budget.warned"
    paid(person(), 2, rule="confirm")
    paid(person(), 3, rule="one")
    assert (watch_budgets(), watch_budgets()) == (1, 0)
    assert city().warned == 100


def test_what_was_used_is_told_without_reading_the_entries():
    terms_are(caps={"points": 100}, slice_size=40)
    paid(person(), 1)
    paid(person(), 2)
    reverse(source="report:2", reason="无效", actor="system:x")
    with CaptureQueriesContext(connection) as caught:
        [line] = queries.budget_lines()
        watch_budgets()
    assert (line.used, line.handed_out, line.rest, line.cap) == (15, 25, 60, 100)
    assert not [one["sql"] for one in caught if "rewards_entry" in one["sql"]]
    assert compare().is_sound


def test_the_state_of_the_seal_looks_no_further_back_than_the_next_batch(monkeypatch):
    paid(person(), 1)
    assert (queries.seal_state().waiting, seal_postings(), queries.seal_state().waiting) == (1, 1, 0)
    monkeypatch.setattr(terms, "SEAL_WINDOW", 0)
    late = Posting.objects.get()
    late.pk, late.key = late.pk - 1000, "slipped-in"
    late.save(force_insert=True)
    assert queries.seal_state().waiting == 0


def test_money_is_moved_on_the_same_books_and_never_without_cover():
    shop = organisation()
    payee = f"organisation:{shop.public_id}"
    act = {"payee": payee, "fen": 1250, "source": "settlement:1", "act": "x", "actor": "system:x"}
    with pytest.raises(NoCover):
        settle_money(**act)
    assert not Posting.objects.exists()
    today = clock.city_date(clock.now())
    dates = {"starts_on": today, "ends_on": today + timedelta(days=30)}
    open_budget(actor=person("admin"), owner_ref="city", unit="fen", cap=2000, **dates)
    made = settle_money(**act)
    assert settle_money(**act) == made
    with pytest.raises(KeyReused):
        settle_money(**{**act, "fen": 1})
    with pytest.raises(NoCover):
        settle_money(**{**act, "source": "settlement:2"})
    assert (made.points, made.nominal, made.unit) == (0, 1250, "fen")
    assert queries.collected(payee, "settlement", unit="fen") == 1250
    assert queries.collected(payee, "settlement") == 0
    assert queries.collected("city", "budget", unit="fen") == -1250
    assert compare().is_sound


def test_the_same_settlement_from_two_sides_gives_the_first_posting(monkeypatch):
    act = {"payee": "organisation:shop", "fen": 500, "source": "settlement:1", "act": "x", "actor": "system:x"}
    today = clock.city_date(clock.now())
    dates = {"starts_on": today, "ends_on": today + timedelta(days=30)}
    open_budget(actor=person("admin"), owner_ref="city", unit="fen", cap=2000, **dates)
    first, known = settle_money(**act), money._known
    unseen = iter([None])  # as who looked before the first one was written
    monkeypatch.setattr(money, "_known", lambda *given: next(unseen, known(*given)))
    assert settle_money(**act) == first
    assert (Posting.objects.count(), queries.collected("city", "budget", unit="fen")) == (1, -500)
    assert compare().is_sound


def test_a_budget_that_was_edited_is_found():
    paid(person(), 1)
    Slice.objects.filter(left__gt=0).update(left=1)
    assert compare().findings == {"wrong_budgets": [city().public_id]}
