"""The books on pages: totals, postings with filters and as Excel, one posting and its seal. Whom points for a report went to
stands on none of them; auditors read and change nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse
from openpyxl import load_workbook

from qixia.kernel import clock
from qixia.kernel.errors import NotAllowed
from qixia.people.queries import pseudonym
from qixia.policy.services import publish
from qixia.rewards import queries, services
from qixia.rewards.models import Budget, Posting, Replay
from qixia.rewards.queries import books
from qixia.rewards.tests.builders import TABLE, item, person, rider_with
from qixia.rewards.tests.test_table import client_of

pytestmark = pytest.mark.usefixtures("table")
BOOKS = "/desk/rewards/books/"
EARLY = datetime(2026, 3, 2, 4, tzinfo=UTC)


@pytest.fixture
def story():
    """15 points in March, 10 more in April, of which a voucher took 10."""
    with clock.at(EARLY):
        rider = person()
        pay(rider, "report:1", "manhole")
    with clock.at(EARLY + timedelta(days=30)):
        pay(rider, "report:2", "fire-lane")
        services.reserve(actor=rider, item=item(price=10).public_id, client_key="client-key-1")
    return rider


def pay(rider, source, rule):
    act = {"rule": rule, "source": source, "act": "reports.dispatched", "actor": "system:settle"}
    return services.award(beneficiary=rider.ref, **act)


def page_of(role, address):
    return client_of(person(role)).get(address).content.decode()


# ── totals ────────────────────────────────────────────────────────────────────
def test_totals_of_every_pot_at_a_moment(story):
    admin = person("admin")
    now = {one.kind: one.balance for one in books.totals(admin)}
    assert now == {"available": 15, "held": 10, "budget": -25}
    then = {one.kind: one.balance for one in books.totals(admin, EARLY)}
    assert then == {"available": 15, "budget": -15}
    assert books.totals(admin, EARLY - timedelta(seconds=1)) == []
    with pytest.raises(NotAllowed):
        books.totals(person("supervisor"))


def test_the_page_of_totals_takes_a_day_a_moment_and_nothing_else(story):
    client = client_of(person("auditor"))
    assert "−25" in client.get(f"{BOOKS}?tab=totals").content.decode()
    for at in ("2026-03-02", "2026-03-31T18:00"):
        shown = client.get(f"{BOOKS}?tab=totals&at={at}").content.decode()
        assert "−15" in shown
        assert "−25" not in shown
    for at in ("x", "9999-12-31", "0001-01-01T00:00"):
        assert client.get(f"{BOOKS}?tab=totals&at={at}").status_code == 422


def test_a_balance_at_any_moment_of_any_pot(story):
    later = clock.now()
    assert queries.balance_at(story.ref, EARLY) == 15
    assert queries.balance_at(story.ref, EARLY, kind="held") == 0
    assert queries.balance_at(story.ref, later, kind="held") == 10
    assert queries.balance_at("city", EARLY, kind="budget") == -15
    assert queries.balance_at("city", later, kind="budget") == -25
    assert queries.balance_at("city", later, kind="budget", unit="fen") == 0


def run(capsys, *args, **options):
    call_command("rewards", "balance", *args, **options)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_command_says_what_lay_where(capsys, story):
    *pots, last = run(capsys, "totals", at="2026-03-02")
    assert {one["kind"]: one["balance"] for one in pots} == {"available": 15, "budget": -15}
    assert last["sum"] == {"points": 0, "fen": 0}
    *pots, last = run(capsys, story.ref, unit="points")
    assert {one["kind"]: one["balance"] for one in pots} == {"available": 15, "held": 10}
    assert last["sum"] == {"points": 25}
    for wrong in ({"at": "soon"}, {"at": "2026-13-01"}):
        with pytest.raises(CommandError):
            call_command("rewards", "balance", "totals", **wrong)
    with pytest.raises(CommandError):
        call_command("rewards", "balance")
    with pytest.raises(CommandError):
        call_command("rewards", "audit", "totals")


# ── the list ──────────────────────────────────────────────────────────────────
def test_postings_by_kind_day_and_act(story):
    admin = person("admin")

    def found(**wanted):
        lines, _following = books.postings_page(admin, books.Wanted(**wanted))
        return [(one.kind, one.moved) for one in lines]

    spend, fire, manhole = ("spend", {"points": 10}), ("award", {"points": 10}), ("award", {"points": 15})
    assert found() == [spend, fire, manhole]
    assert found(kind="award") == [fire, manhole]
    assert found(act="rewards.voucher_reserved") == [spend]
    assert found(until=clock.city_date(EARLY)) == [manhole]
    assert found(since=clock.city_date(EARLY), until=clock.city_date(EARLY)) == [manhole]
    assert found(since=clock.city_date(EARLY) + timedelta(days=1), kind="award") == [fire]
    with pytest.raises(NotAllowed):
        books.postings_page(person("clerk"), books.Wanted())


def test_pages_by_key_show_each_posting_once(story):
    admin, seen, before = person("admin"), [], 0
    while before is not None:
        lines, before = books.postings_page(admin, books.Wanted(), before=before, size=2)
        seen += [one.id for one in lines]
    assert seen == sorted(Posting.objects.values_list("pk", flat=True), reverse=True)


def test_the_page_costs_the_same_for_many(story, django_assert_max_num_queries):
    for n in range(12):
        pay(story, f"report:more-{n}", "one")
    services.seal_postings()
    client = client_of(person("auditor"))
    client.get(BOOKS)
    with django_assert_max_num_queries(14):
        shown = client.get(BOOKS).content.decode()
    assert shown.count('data-testid="posting"') == 15
    assert "等封存" not in shown


def test_the_file_holds_what_is_filtered_and_no_formula(story):
    pay(story, '=HYPERLINK("x"):1', "one")
    sent = client_of(person("auditor")).get(f"{BOOKS}sheet?kind=award")
    rows = list(load_workbook(BytesIO(sent.getvalue())).active.iter_rows(min_row=3))
    assert [row[12].value for row in rows] == [1, 10, 15]
    assert {row[3].value for row in rows} == {"入账"}
    assert {cell.data_type for row in rows for cell in row} <= {"n", "s", "d"}
    assert rows[0][7].quotePrefix
    assert {row[8].value for row in rows} == {"骑手（已隐去）"}


def test_a_file_ends_somewhere(story):
    assert [one.kind for one in books.every_posting(person("admin"), books.Wanted(), most=2)] == ["spend", "award"]


# ── one posting ───────────────────────────────────────────────────────────────
def test_a_posting_says_its_rule_as_it_stood_then(story, django_assert_max_num_queries):
    one = Posting.objects.get(rule="manhole")
    client = client_of(person("auditor"))
    client.get(f"{BOOKS}{one.pk}")
    with django_assert_max_num_queries(20):
        shown = client.get(f"{BOOKS}{one.pk}").content.decode()
    assert "points: 15" in shown
    assert "第 1 版" in shown
    assert one.source in shown
    assert "等封存" in shown
    assert shown.count('data-testid="entry"') == 2
    assert "借贷相平" in shown


def test_a_rule_stands_there_as_its_version_wrote_it(story):
    later = {**TABLE, "rules": {**TABLE["rules"], "manhole": {"points": 99}}}
    publish("rewards.points", later, note="测试", actor_ref="system:test")
    view = books.posting(person("auditor"), Posting.objects.get(rule="manhole").pk)
    assert view.rule_text == "rules:\n  manhole:\n    points: 15\nday_cap: null\n"
    spent = books.posting(person("auditor"), Posting.objects.get(kind="spend").pk)
    assert spent.rule_text == "cancel_returns: 100\nexpiry_returns: 100\n"


def test_its_place_in_the_chain_and_whether_the_hash_fits(story):
    services.seal_postings()
    one = Posting.objects.get(rule="manhole")
    assert "和封存时一样" in page_of("auditor", f"{BOOKS}{one.pk}")
    assert one.link.hash in page_of("auditor", f"{BOOKS}{one.pk}")
    with connection.cursor() as cursor:  # past the triggers, as an operator could
        if connection.vendor == "sqlite":
            cursor.execute("DROP TRIGGER rewards_posting_no_update")
        else:
            cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE rewards_posting SET points = 99 WHERE id = %s", [one.pk])
    assert "封存后被改动" in page_of("auditor", f"{BOOKS}{one.pk}")


def test_nobody_stands_beside_points_for_a_report(story):
    hidden, spent = Posting.objects.get(rule="manhole"), Posting.objects.get(kind="spend")
    sign = pseudonym(story.public_id)
    for role in ("admin", "auditor"):
        shown = page_of(role, f"{BOOKS}{hidden.pk}")
        assert "骑手（已隐去）" in shown
        assert not [text for text in (story.name, story.public_id, sign) if text in shown]
        shown = page_of(role, f"{BOOKS}{spent.pk}")
        assert sign in shown
        assert not [text for text in (story.name, story.public_id) if text in shown]


def test_no_balance_of_a_rider_stands_on_a_page(story):
    """Two of them, before and after a dispatch, would say whose report it was."""
    for one in Posting.objects.all():
        view = books.posting(person("admin"), one.pk)
        assert [row.after for row in view.entries if row.slot is None] == [""] * sum(
            row.slot is None for row in view.entries
        )
        assert any(row.slot is None for row in view.entries)


@pytest.mark.parametrize("number", ["0", "99999999999999999999", "x", "-1"])
def test_a_number_that_is_none(number, table):
    assert client_of(person("auditor")).get(f"{BOOKS}{number}").status_code == 404


def test_findings_of_the_proof_lead_to_their_postings(story):
    one = Posting.objects.get(rule="manhole")
    found = {"edited_postings": [one.pk], "smuggled_postings": [-7], "wrong_budgets": ["01B"]}
    figures = {"seconds": 1, "accounts": 1, "postings": 1, "entries": 1, "sealed": 1, "sound": False}
    Replay.objects.create(findings=found, **figures)
    shown = page_of("auditor", reverse("rewards:audit"))
    for pk in (one.pk, -7):
        assert reverse("rewards:posting", args=[pk]) in shown
    assert "01B" in shown


# ── who ───────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("role", "status"),
    [("admin", 200), ("auditor", 200), ("supervisor", 403), ("clerk", 403), ("merchant", 403), ("rider", 403)],
)
def test_who_reads_the_books(role, status, story):
    client, one = client_of(person(role)), Posting.objects.first()
    for address in (BOOKS, f"{BOOKS}?tab=totals", f"{BOOKS}sheet", f"{BOOKS}{one.pk}"):
        assert client.get(address).status_code == status
        assert client.post(address).status_code in (403, 405)


def test_auditors_read_budgets_and_rules_and_change_neither(story):
    client = client_of(person("auditor"))
    for name in ("budgets", "table"):
        shown = client.get(reverse(f"rewards:{name}") + "?edit=1")
        assert shown.status_code == 200
        assert 'method="post"' not in shown.content.decode().partition("<main")[2]
    before = (Budget.objects.count(), queries.latest_table().version)
    today = clock.city_date(clock.now())
    sent = {"unit": "fen", "starts_on": today, "ends_on": today, "cap": "300"}
    assert client.post(reverse("rewards:budgets"), sent).status_code == 403
    assert client.post(reverse("rewards:table"), {"act": "publish", "note": "x", "after": "1"}).status_code == 403
    assert client.post(reverse("rewards:budget-cap", args=[Budget.objects.first().public_id])).status_code == 403
    assert (Budget.objects.count(), queries.latest_table().version) == before


def test_totals_add_up_for_whom_points_come_in_every_way():
    rider_with(30)
    assert sum(one.balance for one in books.totals_at(None)) == 0
