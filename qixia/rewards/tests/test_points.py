"""Awards and reversals: once, within caps, balanced, told."""

from datetime import UTC, datetime, timedelta

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from qixia.jobs.models import Event
from qixia.kernel import clock
from qixia.notices.queries import inbox, link_of
from qixia.rewards import queries, rules
from qixia.rewards.errors import KeyReused
from qixia.rewards.models import Account, Entry, Posting
from qixia.rewards.rules import UnknownRule
from qixia.rewards.sealing import stored_source
from qixia.rewards.services import Award, award, award_many, books, compare, rebuild, reverse
from qixia.rewards.tests.builders import give, person
from qixia.rewards.tests.conftest import publish_table

pytestmark = pytest.mark.usefixtures("table")


def counts():
    return {model.__name__: model.objects.count() for model in (Account, Posting, Entry, Event)} | {
        "audit": apps.get_model("audit", "AuditEvent").objects.count(),
        "notices": apps.get_model("notices", "Notice").objects.count(),
    }


def paid(actor, rule="manhole", source="report:1", **more):
    return award(
        beneficiary=actor.ref, rule=rule, source=source, act="reports.dispatched", actor="system:settle", **more
    )


def entries_of(posting):
    return {(e.account.kind, e.amount, e.balance_after) for e in posting.entries.select_related("account")}


def test_a_manhole_pays_15_from_the_budget():
    rider = person()
    posting = paid(rider, note_params={"number": "407188235", "place": "榕荫街 31 号"})
    assert (posting.points, posting.nominal, posting.rule_version) == (15, 15, 1)
    assert entries_of(posting) == {("available", 15, 15), ("budget", -15, None)}
    assert posting.params["title"] == "井盖缺失破损移位"
    assert queries.balance(rider.ref) == 15
    assert queries.collected("city", "budget") == -15


def test_it_is_told_to_history_subscribers_and_the_rider_once():
    rider = person()
    paid(person())  # opens the city's budget, which is an act of its own
    before = counts()
    paid(rider)
    after = counts()
    assert (
        after["audit"] - before["audit"],
        after["Event"] - before["Event"],
        after["notices"] - before["notices"],
    ) == (1, 1, 1)
    event = Event.objects.filter(name="rewards.posted").latest("pk")
    assert (event.ref, event.payload["points"], event.payload["beneficiary"]) == (
        stored_source("report:1"),
        15,
        rider.ref,
    )
    notice = apps.get_model("notices", "Notice").objects.get(person_id=rider.person_id)
    shown = inbox(rider.person_id, language="zh").days[0].items[0]
    assert (notice.template, shown.words.title) == ("points.awarded", "积分 +15")
    assert link_of(rider.person_id, shown.public_id) == "/points"


def test_the_same_thing_again_is_paid_once():
    rider = person()
    first = paid(rider)
    before = counts()
    assert paid(rider) == first
    assert counts() == before
    assert queries.balance(rider.ref) == 15


def test_once_also_after_the_rule_changed():
    rider = person()
    first = paid(rider)
    publish_table(rules={"manhole": {"points": 40}})
    again = paid(rider)
    assert (again.pk, again.points, again.rule_version) == (first.pk, 15, 1)


def test_a_report_whose_class_is_corrected_is_not_paid_twice():
    rider = person()
    first = paid(rider, rule="manhole")
    assert paid(rider, rule="fire-lane") == first
    assert queries.balance(rider.ref) == 15


def test_the_same_key_with_other_content_is_refused():
    rider = person()
    paid(rider, note_params={"number": "1"})
    before = counts()
    with pytest.raises(KeyReused):
        paid(rider, note_params={"number": "2"})
    with pytest.raises(KeyReused):
        award(
            beneficiary=rider.ref,
            rule="manhole",
            source="report:1",
            act="other",
            actor="system:x",
            note_params={"number": "1"},
        )
    assert counts() == before


def test_one_bad_award_spoils_the_whole_batch():
    rider = person()
    before = counts()
    good = Award(rider.ref, "manhole", "report:1", "reports.dispatched", "system:x")
    with pytest.raises(UnknownRule):
        award_many([good, Award(rider.ref, "no-such-rule", "report:2", "reports.dispatched", "system:x")])
    with pytest.raises(KeyReused):
        award_many([good, Award(rider.ref, "manhole", "report:1", "other", "system:x")])
    assert counts() == before


def test_a_batch_keeps_order_and_pays_repetitions_inside_it_once():
    one, two = person(), person()
    made = award_many(
        [
            Award(two.ref, "manhole", "report:1", "reports.dispatched", "system:x"),
            Award(one.ref, "confirm", "report:2", "reports.confirmed", "system:x"),
            Award(two.ref, "manhole", "report:1", "reports.dispatched", "system:x"),
            Award(two.ref, "confirm", "report:1", "reports.confirmed", "system:x"),
        ]
    )
    assert [(p.beneficiary, p.points, p.available_after) for p in made] == [
        (two.ref, 15, 15),
        (one.ref, 2, 2),
        (two.ref, 15, 15),
        (two.ref, 2, 17),
    ]
    assert made[0].pk == made[2].pk
    assert compare().is_sound


def test_the_cap_of_a_rule_pays_what_remains_then_nothing_and_says_so():
    rider = person()
    points = [paid(rider, "litter", f"report:{n}").points for n in range(4)]
    assert points == [3, 3, 1, 0]
    assert queries.balance(rider.ref) == 7
    last = Posting.objects.latest("pk")
    assert (last.points, last.nominal, last.entries.count()) == (0, 3, 0)
    told = apps.get_model("notices", "Notice").objects.order_by("pk").values_list("template", flat=True)
    assert list(told) == ["points.awarded", "points.awarded", "points.capped", "points.capped"]


def test_the_cap_over_all_rules_holds_inside_a_batch():
    publish_table(day_cap=20)
    rider = person()
    made = award_many([Award(rider.ref, "manhole", f"report:{n}", "reports.dispatched", "system:x") for n in range(3)])
    assert [p.points for p in made] == [15, 5, 0]


def test_caps_count_the_days_of_the_city():
    rider = person()
    late = datetime(2026, 11, 20, 15, 59, tzinfo=UTC)  # 23:59 in the city
    points = [paid(rider, "litter", f"report:{n}", at=late).points for n in range(3)]
    next_day = paid(rider, "litter", "report:9", at=late + timedelta(minutes=1))
    assert (points, next_day.points) == ([3, 3, 1], 3)
    assert [p.day.day for p in Posting.objects.order_by("pk")] == [20, 20, 20, 21]


def test_what_was_reversed_still_counts_against_the_cap():
    rider = person()
    for n in range(3):
        paid(rider, "litter", f"report:{n}")
    reverse(source="report:0", reason="重复", actor="system:x")
    assert paid(rider, "litter", "report:9").points == 0


def test_reversal_takes_back_once_and_names_what_it_reverses():
    rider = person()
    first = paid(rider)
    [undone] = reverse(source="report:1", reason="现场没有这个问题", actor="person:clerk")
    assert (undone.kind, undone.points, undone.reverses_id, undone.rule_version) == ("reversal", -15, first.pk, 1)
    assert entries_of(undone) == {("available", -15, 0), ("budget", 15, None)}
    before = counts()
    assert reverse(source="report:1", reason="再来一次", actor="person:clerk") == [undone]
    assert counts() == before
    assert queries.balance(rider.ref) == 0


def test_reversal_of_spent_points_becomes_debt_that_the_next_award_repays_first():
    rider = person()
    paid(rider)
    spend(rider, 10)
    [undone] = reverse(source="report:1", reason="无效", actor="system:x")
    assert {(kind, amount) for kind, amount, _ in entries_of(undone)} == {
        ("available", -5),
        ("debt", -10),
        ("budget", 15),
    }
    assert undone.params["owed"] == 10
    assert [(d.owner_ref, d.owed) for d in queries.debts()] == [(rider.ref, 10)]
    repaid = paid(rider, source="report:2")
    assert {(kind, amount) for kind, amount, _ in entries_of(repaid)} == {
        ("debt", 10),
        ("available", 5),
        ("budget", -15),
    }
    assert (repaid.params["repaid"], repaid.available_after, queries.debts()) == (10, 5, [])
    assert compare().is_sound


def spend(actor, points):
    """Points leave the purse as a voucher would take them, without the voucher."""
    with transaction.atomic():
        purse = books.lock_purses([actor.ref], lots=True)[actor.ref]
        away = books.collecting("city", rules.FORFEITED)[0]
        lines = [*books.spend(purse, points), books.move(away, points)]
        books.write([draft(actor, lines, points=-points, available_after=purse.balance(rules.AVAILABLE))])


def draft(actor, lines, **fields):
    values = {
        "key": f"t{Posting.objects.count()}",
        "kind": rules.SPEND,
        "rule": "t",
        "rule_version": 1,
        "act": "t",
        "source": "t",
    }
    values |= {
        "beneficiary": actor.ref,
        "actor": "t",
        "at": clock.now(),
        "points": 0,
        "nominal": 0,
        "available_after": 0,
    }
    return books.Draft(**{**values, **fields}, lines=lines)


def test_reversing_what_never_paid_does_nothing():
    before = counts()
    assert reverse(source="report:none", reason="无", actor="system:x") == []
    assert counts() == before


def test_reversal_of_one_rule_leaves_the_others():
    rider = person()
    paid(rider)
    award(beneficiary=rider.ref, rule="confirm", source="report:1", act="reports.confirmed", actor=rider.ref)
    reverse(source="report:1", rule="manhole", reason="无效", actor="system:x")
    assert queries.balance(rider.ref) == 2


def test_statements_do_not_grow_with_the_batch():
    # 39: beyond that SQLite splits an INSERT by its limit of 999 parameters; PostgreSQL does not.
    riders = [person() for _ in range(39)]
    give(riders[0], 1)

    def cost(count, tag):
        awards = [Award(r.ref, "manhole", f"report:{tag}", "reports.dispatched", "system:x") for r in riders[:count]]
        with CaptureQueriesContext(connection) as caught:
            award_many(awards)
        return [q["sql"] for q in caught if "SAVEPOINT" not in q["sql"]]

    award_many([Award(r.ref, "confirm", "warm", "x", "system:x") for r in riders])
    one, many = cost(1, "a"), cost(39, "b")
    assert len(one) == len(many)
    publish_table(day_cap=100)
    cost(1, "reads the new table")
    capped, many_capped = cost(1, "c"), cost(39, "d")
    if connection.vendor == "postgresql":
        # What is known under the lock; cover and numbers; who is told; all that is written.
        assert (len(one), len(capped), len(many_capped)) == (4, 4, 4)
        assert ["FOR NO KEY UPDATE" in one[0], "rewards_slice" in one[1], "people_" in one[2]] == [True] * 3
        return
    # purses, budget with its queue, its accounts, what is known, cover, postings, entries, balances, lots
    assert len([sql for sql in many if "rewards_" in sql]) == 9
    assert (len(one), len(capped), len(many_capped)) == (13, 14, 14)


# ── the database itself refuses ─────────────────────────────────────────────


@pytest.mark.parametrize("name", ["rewards_posting", "rewards_entry"])
@pytest.mark.parametrize("change", ["UPDATE {0} SET id = id", "DELETE FROM {0}"])
def test_rows_of_the_books_can_be_neither_changed_nor_removed(name, change):
    paid(person())
    before = list(Entry.objects.values()), list(Posting.objects.values())
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change.format(name))
    assert (list(Entry.objects.values()), list(Posting.objects.values())) == before


def test_a_balance_below_its_floor_is_refused_by_the_database():
    rider = person()
    paid(rider)
    for kind, balance in (("available", -1), ("available", None)):
        with pytest.raises(DatabaseError), transaction.atomic():
            Account.objects.filter(owner_ref=rider.ref, kind=kind).update(balance=balance)
    assert queries.balance(rider.ref) == 15


def test_a_debt_above_zero_is_refused_by_the_database():
    rider = person()
    with transaction.atomic():
        books.lock_purses([rider.ref], need=(rules.DEBT,))
    with pytest.raises(DatabaseError), transaction.atomic():
        Account.objects.filter(owner_ref=rider.ref, kind="debt").update(balance=1)


def test_the_service_refuses_lines_that_do_not_balance():
    rider = person()

    def one_sided():
        purse = books.lock_purses([rider.ref])[rider.ref]
        books.write([draft(rider, [books.move(purse.pots[rules.AVAILABLE], 5)])])

    with pytest.raises(books.DriftedAccount), transaction.atomic():
        one_sided()
    assert not Posting.objects.exists()


def test_the_service_refuses_a_balance_changed_past_the_lock():
    rider = person()
    paid(rider)

    def past_the_lock():
        purse = books.lock_purses([rider.ref], lots=True)[rider.ref]
        Account.objects.filter(owner_ref=rider.ref, kind="available").update(balance=3)
        away = books.collecting("city", rules.FORFEITED)[0]
        books.write([draft(rider, [*books.spend(purse, 10), books.move(away, 10)])])

    with pytest.raises(books.DriftedAccount), transaction.atomic():
        past_the_lock()
    assert (queries.balance(rider.ref), Posting.objects.count()) == (15, 1)


def test_entries_that_do_not_balance_never_stay():
    """PostgreSQL refuses them at once; on SQLite the audit names them."""
    rider = person()
    first = paid(rider)
    own = first.entries.get(account__kind="available")
    stray = Entry(posting=first, account_id=own.account_id, amount=7, balance_after=22)
    if connection.vendor == "postgresql":
        with pytest.raises(DatabaseError, match="do not sum to zero"), transaction.atomic():
            stray.save()
        assert compare().is_sound
    else:
        stray.save()
        assert compare().unbalanced_postings == [first.pk]


# ── proof ───────────────────────────────────────────────────────────────────


def test_sound_books_prove_sound():
    rider = person()
    paid(rider)
    reverse(source="report:1", reason="无效", actor="system:x")
    proof = compare()
    assert proof.is_sound
    assert (proof.postings, proof.entries) == (2, 4)
    assert proof.accounts == 2 + rules.SLOTS


def without_triggers(sql, *params):
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(sql, params)
            cursor.execute("SET LOCAL session_replication_role = origin")
            return
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'rewards_%'")
        triggers = cursor.fetchall()
        for name, _sql in triggers:
            cursor.execute(f"DROP TRIGGER {name}")
        cursor.execute(sql, params)
        for _name, trigger in triggers:
            cursor.execute(trigger)


def test_the_audit_finds_an_entry_that_was_edited_by_sql():
    rider = person()
    first = paid(rider)
    own = first.entries.get(account__kind="available")
    without_triggers("UPDATE rewards_entry SET amount = 99 WHERE id = %s", own.pk)
    proof = compare()
    assert not proof.is_sound
    assert (proof.drifted, proof.unbalanced_postings, proof.broken_chains, proof.mistold_postings) == (
        [own.account_id],
        [first.pk],
        [own.account_id],
        [first.pk],
    )


def test_the_audit_finds_entries_that_were_removed_in_balance():
    rider = person()
    first = paid(rider)
    paid(rider, source="report:2")
    own = first.entries.get(account__kind="available")
    without_triggers("DELETE FROM rewards_entry WHERE posting_id = %s", first.pk)
    proof = compare()
    assert (proof.drifted, proof.unbalanced_postings, proof.broken_chains) == ([own.account_id], [], [own.account_id])


def test_a_drifted_balance_is_found_and_rebuilt():
    rider = person()
    paid(rider)
    account = Account.objects.get(owner_ref=rider.ref, kind="available")
    Account.objects.filter(pk=account.pk).update(balance=500)
    assert compare().drifted == [account.pk]
    assert rebuild(actor="system:test") == 1
    assert compare().is_sound
    assert queries.balance(rider.ref) == 15
    assert rebuild(actor="system:test") == 0
