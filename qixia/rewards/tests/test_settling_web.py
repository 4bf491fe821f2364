"""Statements on a merchant's phone and in the console: who sees what, what is refused, what a file holds."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from openpyxl import load_workbook

from qixia.kernel import clock
from qixia.people.models import Person
from qixia.people.sessions import BACKEND
from qixia.rewards import services
from qixia.rewards.models import Correction, Dispute, Payment, Statement, StatementLine, Voucher
from qixia.rewards.tests.builders import item, organisation
from qixia.rewards.tests.settled import AFTER, budget, issued, live, one_use, settled, somebody

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("table")]


@pytest.fixture(autouse=True)
def _cover():
    budget()


def browser(actor):
    client = Client()
    client.force_login(Person.objects.get(pk=actor.person_id), backend=BACKEND)
    return client


def shown(answer) -> str:
    assert answer.status_code == 200
    return answer.content.decode()


MERCHANT = ("statement", "dispute", "statement-sheet")
KEY = r'name="client_key" value="([0-9a-z]{26})"'
DESK = ("settlement-one", "settlement-paper", "settlement-sheet")


def test_a_shop_sees_its_statements_and_another_one_nothing():
    town = settled("issued")
    client, other = browser(town.keeper), browser(somebody("merchant", organisation()))
    assert "30.00" in shown(client.get(reverse("rewards:statements")))
    assert "30.00" not in shown(other.get(reverse("rewards:statements")))
    for name in MERCHANT:
        address = reverse(f"rewards:{name}", args=[town.row.public_id])
        assert client.get(address).status_code == 200
        assert other.get(address).status_code == 404
        assert browser(somebody("rider")).get(address).status_code == 403
    for name in ("dispute", "agree-statement"):
        address = reverse(f"rewards:{name}", args=[town.row.public_id])
        assert other.post(address, {"reason": "不是我的", "seen": "3000"}).status_code == 404
    line = town.row.lines.first().pk
    stranger = settled("issued")
    address = reverse("rewards:dispute", args=[stranger.row.public_id])
    assert browser(stranger.keeper).get(address, {"line": line}).status_code == 404
    assert Dispute.objects.count() == 0


def test_a_draft_is_not_there_for_its_shop():
    town = settled("draft")
    client = browser(town.keeper)
    assert client.get(reverse("rewards:statement", args=[town.row.public_id])).status_code == 404
    assert "还没有账单" in shown(client.get(reverse("rewards:statements")))
    assert "等着" in shown(browser(town.boss).get(reverse("rewards:settlement-one", args=[town.row.public_id])))


@pytest.mark.parametrize(
    ("role", "reads", "acts"), [("admin", 200, 303), ("auditor", 200, 403), ("clerk", 403, 403), ("merchant", 403, 403)]
)
def test_who_reads_and_who_acts_at_the_desk(role, reads, acts):
    town = settled("issued")
    client = browser(somebody(role))
    assert client.get(reverse("rewards:settlement")).status_code == reads
    assert client.get(reverse("rewards:settlement-month-sheet", args=["2026-10"])).status_code == reads
    for name in DESK:
        assert client.get(reverse(f"rewards:{name}", args=[town.row.public_id])).status_code == reads
    assert client.get(reverse("rewards:settlement-issue")).status_code == (200 if role == "admin" else 403)
    form = {"yuan": "1.50", "reason": "面值错了", "client_key": "correction-1"}
    for _sent in range(2):
        sent = client.post(reverse("rewards:settlement-correct", args=[town.row.public_id]), form)
        assert sent.status_code == acts
    assert Statement.objects.get().corrected_fen == (150 if acts == 303 else 0)
    if role == "admin":
        fields = [
            re.findall(KEY, shown(client.get(reverse("rewards:settlement-one", args=[town.row.public_id]))))
            for _ in "ab"
        ]
        assert [len(found) for found in fields] == [1, 1]
        assert fields[0] != fields[1]  # each form has its own


def test_no_page_and_no_file_names_a_rider_or_a_whole_number():
    town = settled("issued")
    secrets = set(Voucher.objects.values_list("number", flat=True))
    secrets |= {f"{number[:3]}-{number[3:6]}-{number[6:]}" for number in secrets}
    for voucher in Voucher.objects.select_related("person"):
        secrets |= {voucher.person.display_name, voucher.person.public_id, voucher.public_id}
    day = town.row.lines.first().day
    keeper, boss = browser(town.keeper), browser(town.boss)
    pages = [
        shown(keeper.get(reverse("rewards:statement", args=[town.row.public_id]), {"day": day})),
        shown(keeper.get(reverse("rewards:dispute", args=[town.row.public_id]), {"line": town.row.lines.first().pk})),
        shown(boss.get(reverse("rewards:settlement-one", args=[town.row.public_id]), {"day": day})),
        shown(boss.get(reverse("rewards:settlement-paper", args=[town.row.public_id]))),
    ]
    for client, name in ((keeper, "statement-sheet"), (boss, "settlement-sheet")):
        rows = sheet_of(client.get(reverse(f"rewards:{name}", args=[town.row.public_id])))
        pages.append(str(rows))
    for page in pages:
        assert not [secret for secret in secrets if secret in page]
    tail = town.row.lines.first().tail
    assert tail in pages[0]
    assert tail in pages[-1]


def sheet_of(answer) -> list[tuple]:
    data = b"".join(answer.streaming_content)
    return [tuple(cell.value for cell in row) for row in load_workbook(io.BytesIO(data)).active.iter_rows()]


def test_a_keeper_agrees_and_staff_is_told_that_it_cannot():
    town = settled("issued")
    address = reverse("rewards:agree-statement", args=[town.row.public_id])
    page = reverse("rewards:statement", args=[town.row.public_id])
    with clock.at(town.now):
        assert "账单由店主确认" in shown(browser(town.clerk).get(page))
        assert browser(town.clerk).post(address, {"seen": "3000"}).status_code == 403
        stale = browser(town.keeper).post(address, {"seen": "2900"})
        assert (stale.status_code, Statement.objects.get().state) == (409, "issued")
        assert "刚刚更正过" in stale.content.decode()
        assert browser(town.keeper).post(address, {"seen": "3000"}).status_code == 303
        assert Statement.objects.get().state == "agreed"
        assert "最晚付款" in shown(browser(town.keeper).get(page))


def test_an_objection_and_its_answer_by_the_pages():
    town = settled("issued")
    line = town.row.lines.first()
    with clock.at(town.now):
        client = browser(town.clerk)
        address = reverse("rewards:dispute", args=[town.row.public_id])
        assert "尾号" in shown(client.get(address, {"line": line.pk}))
        empty = client.post(address, {"reason": " ", "line": line.pk})
        assert (empty.status_code, Dispute.objects.count()) == (422, 0)
        assert client.post(address, {"reason": "面值是 18 元", "line": line.pk}).status_code == 303
        dispute = Dispute.objects.get()
        boss = browser(town.boss)
        one = reverse("rewards:settlement-one", args=[town.row.public_id])
        assert "面值是 18 元" in shown(boss.get(one))
        answer = reverse("rewards:settlement-answer", args=[town.row.public_id, dispute.public_id])
        for yuan in ("", "0", "三元", "1.005", "nan"):
            wrong = boss.post(answer, {"act": "accept", "yuan": yuan, "answer": "补 3 元"})
            assert (wrong.status_code, Dispute.objects.get().state) == (422, "open"), yuan
        assert "补 3 元" in wrong.content.decode()  # what was typed is still there
        assert boss.post(answer, {"act": "accept", "yuan": "3", "answer": "补 3 元"}).status_code == 303
        assert "+3.00" in shown(boss.get(one))
        assert "补 3 元" in shown(client.get(reverse("rewards:statement", args=[town.row.public_id])))
    assert Statement.objects.get().due_fen == 3300


def test_a_payment_and_its_reversal_by_the_pages():
    town = settled("agreed")
    with clock.at(town.now):
        boss = browser(town.boss)
        pay = reverse("rewards:settlement-pay", args=[town.row.public_id])
        form = {"paid_on": "2026-11-03", "yuan": "30", "bank_ref": "ICBC-0001"}
        for wrong in ({"yuan": "29.99"}, {"paid_on": "x"}, {"bank_ref": ""}):
            refused = boss.post(pay, form | wrong)
            assert (refused.status_code, Payment.objects.count()) == (422, 0), wrong
        assert boss.post(pay, form).status_code == 303
        one = reverse("rewards:settlement-one", args=[town.row.public_id])
        assert "ICBC-0001" in shown(boss.get(one))
        assert "ICBC-0001" in shown(browser(town.keeper).get(reverse("rewards:statement", args=[town.row.public_id])))
        back = reverse("rewards:settlement-reverse", args=[town.row.public_id, Payment.objects.get().public_id])
        assert boss.post(back, {"reason": ""}).status_code == 422
        assert boss.post(back, {"reason": "填错了"}).status_code == 303
    assert (Statement.objects.get().state, Payment.objects.get().reversal_reason) == ("agreed", "填错了")


def test_whoever_had_a_hand_in_it_finds_no_form_to_pay():
    town = settled("disputed")
    with clock.at(town.now):
        services.answer_dispute(actor=town.boss, dispute=Dispute.objects.get().public_id, answer="没有错")
        services.agree(actor=town.keeper, statement=town.row.public_id)
        one = reverse("rewards:settlement-one", args=[town.row.public_id])
        assert "付款要由另一个人登记" in shown(browser(town.boss).get(one))
        assert 'data-testid="pay"' in shown(browser(somebody("admin")).get(one))


def test_the_preview_shows_what_issuing_then_brings():
    shop, other = organisation(), organisation()
    for fen in (1500, 700):
        one_use(shop, fen=fen)
    live(other, thing=item(other, parts=3, face_value_fen=1500, settle_fen=1000), units=2)
    boss = somebody("admin")
    with clock.at(AFTER):
        page = shown(browser(boss).get(reverse("rewards:settlement-issue")))
        assert "22.00" in page
        assert "6.66" in page
        assert "28.66" in page  # needed in all
        nothing = browser(boss).post(reverse("rewards:settlement-issue"), {"month": "2026-10"})
        assert (nothing.status_code, Statement.objects.count()) == (200, 0)
        browser(boss).post(reverse("rewards:settlement-issue"), {"month": "2026-10", "merchant": [shop.pk]})
        assert Statement.objects.get().fen == 2200
        assert "22.00" not in shown(browser(boss).get(reverse("rewards:settlement-issue")))
        assert browser(boss).get(reverse("rewards:settlement-issue"), {"month": "2026-11"}).status_code == 404


def test_the_preview_counts_what_waits_for_a_budget():
    town = settled("draft")
    with clock.at(town.now):
        page = shown(browser(town.boss).get(reverse("rewards:settlement-issue")))
    assert "30.00" in page
    assert "不够的会等着预算" in page


def test_the_list_is_filtered_and_summed():
    town = settled("paid")
    settled("issued")
    client = browser(town.boss)
    every = shown(client.get(reverse("rewards:settlement")))
    assert every.count('data-testid="row"') == 2
    assert "60.00" in every
    only = shown(
        client.get(reverse("rewards:settlement"), {"state": "paid", "month": "2026-10", "shop": town.shop.name})
    )
    assert only.count('data-testid="row"') == 1
    assert shown(client.get(reverse("rewards:settlement"), {"month": "2026-09"})).count('data-testid="row"') == 0
    assert shown(client.get(reverse("rewards:settlement"), {"month": "x", "state": "x", "before": "x"}))


def test_a_settle_price_is_set_in_the_catalogue():
    shop = organisation()
    thing = item(shop, where="收银台", kind="goods")
    client = browser(somebody("admin"))
    page = client.get(reverse("rewards:item-edit", args=[thing.public_id]))
    form = {name: value for name, value in page.context["form"].initial.items() if value not in (None, False)} | {
        "stock_change": 0,
        "order": 0,
    }
    sent = client.post(reverse("rewards:item-edit", args=[thing.public_id]), form | {"settle": "12.50"})
    assert sent.status_code in (302, 303), sent.context["form"].errors
    thing.refresh_from_db()
    assert (thing.settle_fen, thing.face_value_fen) == (1250, 1500)


# ── files ─────────────────────────────────────────────────────────────────────
def test_the_sheet_has_sums_and_lines_and_no_formula():
    shop = organisation()
    keeper = somebody("merchant", shop)
    live(shop, thing=item(shop, name='=HYPERLINK("x")', face_value_fen=1250))
    live(shop, thing=item(shop, name="+1\x0b午餐", face_value_fen=100))
    row = issued(shop)
    answer = browser(keeper).get(reverse("rewards:statement-sheet", args=[row.public_id]))
    assert answer["Content-Type"].startswith("application/vnd.openxmlformats")
    assert f"statement-202610-{row.pk:05d}.xlsx" in answer["Content-Disposition"]
    page = load_workbook(io.BytesIO(b"".join(answer.streaming_content))).active
    cells = [cell for line in page.iter_rows() for cell in line]
    assert not [cell for cell in cells if cell.data_type == "f"]
    named = {line[0].value: line[1] for line in page.iter_rows(max_row=11)}
    assert (named["应付（元）"].value, named["应付（元）"].number_format) == (13.5, "#,##0.00")
    lines = [tuple(cell.value for cell in line) for line in page.iter_rows(min_row=14)]
    assert [line[3] for line in lines] == ['=HYPERLINK("x")', "+1午餐"]
    assert [line[8] for line in lines] == [12.5, 1]
    assert page.cell(row=14, column=4).quotePrefix


def test_the_sheet_of_a_month_has_a_row_a_merchant():
    town = settled("paid")
    other = settled("issued")
    rows = sheet_of(browser(town.boss).get(reverse("rewards:settlement-month-sheet", args=["2026-10"])))
    assert [row[1] for row in rows[1:]] == sorted([town.shop.name, other.shop.name])
    paid_row = next(row for row in rows if row[1] == town.shop.name)
    assert (paid_row[9], paid_row[12]) == (30, f"ICBC-{town.row.pk:06d}")
    assert browser(town.boss).get(reverse("rewards:settlement-month-sheet", args=["2026-13"])).status_code == 404


# ── costs ─────────────────────────────────────────────────────────────────────
def many(row: Statement, lines: int) -> None:
    """Lines as 10,000 uses would have made them."""
    line = row.lines.first()
    made = Correction.objects.bulk_create(
        [Correction(statement=row, fen=1, reason="测试", by="system:test") for _number in range(lines)]
    )
    StatementLine.objects.bulk_create(
        StatementLine(
            statement=row,
            kind="correction",
            correction=one,
            day=line.day + timedelta(days=number % 20),
            taken_at=line.taken_at,
            title="午餐券",
            tail="1234",
            fen=1500,
            points=10,
        )
        for number, one in enumerate(made)
    )


def test_pages_of_ten_thousand_lines_take_as_many_queries_as_of_two():
    town = settled("issued")
    keeper, boss = browser(town.keeper), browser(town.boss)
    day = town.row.lines.first().day
    pages = (
        lambda: shown(keeper.get(reverse("rewards:statement", args=[town.row.public_id]), {"day": day})),
        lambda: shown(boss.get(reverse("rewards:settlement-one", args=[town.row.public_id]), {"day": day})),
        lambda: shown(boss.get(reverse("rewards:settlement-paper", args=[town.row.public_id]))),
    )
    few = [queries_of(page) for page in pages]
    many(town.row, 10_000)
    assert [queries_of(page) for page in pages] == few
    assert pages[0]().count('data-testid="line"') == 200
    address = reverse("rewards:statement-sheet", args=[town.row.public_id])
    with CaptureQueriesContext(connection) as found:
        data = b"".join(keeper.get(address).streaming_content)
    assert len(found) < 30  # a thousand lines a query
    page = load_workbook(io.BytesIO(data), read_only=True).active
    page.reset_dimensions()
    assert sum(1 for _row in page.iter_rows(max_col=1)) == 13 + 10_002


def queries_of(act) -> int:
    act()
    with CaptureQueriesContext(connection) as found:
        act()
    return len(found)


def test_the_list_takes_as_many_queries_for_many_as_for_one():
    first = settled("issued")
    client = browser(first.boss)
    one = queries_of(lambda: shown(client.get(reverse("rewards:settlement"))))
    for _number in range(3):
        settled("issued")
    assert queries_of(lambda: shown(client.get(reverse("rewards:settlement")))) == one
