"""Budgets and proofs in the console; lots, held and owed points on the rider's page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from qixia.kernel import clock
from qixia.people.models import Person
from qixia.people.sessions import BACKEND
from qixia.policy.services import publish
from qixia.rewards.models import Budget, BudgetChange
from qixia.rewards.rules import Signal
from qixia.rewards.services import Award, award, award_many, expire_lots, prove, seal_postings
from qixia.rewards.tests.builders import person, rider_with

pytestmark = pytest.mark.usefixtures("table")
EVER = datetime(2001, 1, 1, tzinfo=UTC)


def browser(actor):
    client = Client()
    client.force_login(Person.objects.get(pk=actor.person_id), backend=BACKEND)
    return client


def short_budget():
    books = {"budgets": {"caps": {"points": 20}}}
    publish("rewards.books", books, note="测试", actor_ref="system:test", valid_from=EVER)


def test_budgets_are_listed_and_a_cap_is_raised_with_a_reason():
    short_budget()
    rider_with(15)
    late = person()
    award(beneficiary=late.ref, rule="manhole", source="report:late", act="x", actor="system:x")
    admin = browser(person("admin"))
    shown = admin.get(reverse("rewards:budgets")).content.decode()
    assert "用了 15，上限 20（75%）" in shown
    assert "有 15 等着预算" in shown
    budget = Budget.objects.get()
    address = reverse("rewards:budget-cap", args=[budget.public_id])
    refused = admin.post(address, {"cap": "100", "reason": " "})
    assert (refused.status_code, Budget.objects.get().cap) == (422, 20)
    assert "请写明理由" in refused.content.decode()
    assert admin.post(address, {"cap": "x", "reason": "追加"}).status_code == 422
    assert admin.post(address, {"cap": "100", "reason": "秋季追加"}).status_code == 303
    assert (Budget.objects.get().cap, BudgetChange.objects.get().reason) == (100, "秋季追加")
    assert "秋季追加" in admin.get(reverse("rewards:budgets")).content.decode()


def test_a_period_of_money_is_opened_in_yuan_and_an_overlap_refused():
    admin = browser(person("admin"))
    today = clock.city_date(clock.now())
    sent = {"unit": "fen", "starts_on": today, "ends_on": today + timedelta(days=9), "cap": "300"}
    assert admin.post(reverse("rewards:budgets"), sent).status_code == 303
    assert Budget.objects.get().cap == 30_000
    assert "300 元" in admin.get(reverse("rewards:budgets")).content.decode()
    again = admin.post(reverse("rewards:budgets"), sent)
    assert (again.status_code, Budget.objects.count()) == (409, 1)
    assert "重叠" in again.content.decode()


@pytest.mark.parametrize(
    ("role", "budgets", "audit"),
    [("admin", 200, 200), ("auditor", 200, 200), ("supervisor", 403, 403), ("rider", 403, 403)],
)
def test_who_sees_the_books(role, budgets, audit):
    client = browser(person(role))
    assert client.get(reverse("rewards:budgets")).status_code == budgets
    assert client.get(reverse("rewards:audit")).status_code == audit


def test_the_proofs_and_the_lag_are_shown():
    rider_with(30)
    auditor = browser(person("auditor"))
    page = reverse("rewards:audit")
    assert "2 笔" in auditor.get(page).content.decode()
    seal_postings()
    made = prove()
    shown = auditor.get(page).content.decode()
    assert made.head in shown
    assert "全部相符" in shown
    Budget.objects.update(cap=9_000_000)
    prove()
    shown = auditor.get(page).content.decode()
    assert "有不符" in shown
    assert "对不上的预算" in shown


def test_a_rider_reads_when_points_end_and_what_waits():
    rider = person()
    with clock.at(datetime(2026, 1, 10, tzinfo=UTC)):
        award(beneficiary=rider.ref, rule="manhole", source="report:1", act="x", actor="system:x")
        award_many([Award(rider.ref, "one", "report:2", "x", "system:x", signals=(Signal("reused-photo"),))])
    client = browser(rider)
    with clock.at(datetime(2027, 1, 12, tzinfo=UTC)):
        shown = client.get(reverse("rewards:ledger")).content.decode()
    assert "用到 2027-01-31" in shown
    assert "lot-1" in shown  # they end soon
    assert "另有 1 分先看一看再给" in shown
    with clock.at(datetime(2027, 2, 2, tzinfo=UTC)):
        expire_lots()
        shown = client.get(reverse("rewards:ledger")).content.decode()
    assert "积分到期" in shown
    assert "最后一天是 2027-01-31" in shown


@pytest.mark.parametrize(("at_cap", "words"), [("wait", "15 分记着"), ("refuse", "没有积分")])
def test_a_rider_is_told_on_the_page_what_the_cap_did(at_cap, words):
    books = {"budgets": {"caps": {"points": 0}, "at_cap": at_cap}}
    publish("rewards.books", books, note="测试", actor_ref="system:test", valid_from=EVER)
    rider = rider_with(15)
    assert words in browser(rider).get(reverse("rewards:ledger")).content.decode()
