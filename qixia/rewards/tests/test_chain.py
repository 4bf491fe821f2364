"""The seal over the books: whatever is edited, removed, slipped in or rewritten past the triggers is found and named."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from qixia.audit.models import AuditEvent
from qixia.kernel import clock
from qixia.policy.services import publish
from qixia.rewards import queries, sealing
from qixia.rewards.errors import NoLatePosting
from qixia.rewards.models import (
    Account,
    Batch,
    Budget,
    Hold,
    Link,
    Lot,
    Owed,
    Posting,
    Replay,
    Signing,
    Slice,
)
from qixia.rewards.rules import Signal
from qixia.rewards.services import (
    Award,
    acknowledge,
    award,
    award_many,
    chain,
    change_cap,
    compare,
    prove,
    reverse,
    seal_postings,
)
from qixia.rewards.tests.builders import give, person

pytestmark = pytest.mark.usefixtures("table")
TRIGGERS = {
    "rewards_posting": "update delete",
    "rewards_entry": "update delete",
    "rewards_batch": "update delete",
    "rewards_link": "update delete",
    "audit_auditevent": "update delete",
    "policy_ruleversion": "update delete",
}


def past_the_triggers(*statements):
    """What somebody with the database's password can do."""
    postgres = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        if postgres:
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        for table, verbs in TRIGGERS.items():
            for verb in verbs.split():
                cursor.execute(f"DROP TRIGGER IF EXISTS {table}_no_{verb}{f' ON {table}' if postgres else ''}")
        for sql, *params in statements:
            cursor.execute(sql, params)


def signed(posting):
    """As the books would have written it: without entries."""
    posting.mac = sealing.mac_of([getattr(posting, name) for name in sealing.CONTENT], [])
    return posting


def forge(rider, points=500):
    """A posting in balance with all that belongs to it, by SQL alone: no trigger is in the way. Returns its number."""
    posting = Posting.objects.filter(beneficiary=rider.ref).order_by("-pk")[0]
    entries = list(posting.entries.order_by("pk"))
    posting.pk, posting.key, posting.points, posting.nominal = None, "forged", points, points
    posting.save(force_insert=True)
    for entry in entries:
        gain = points if entry.amount > 0 else -points
        after = None if entry.balance_after is None else entry.balance_after + gain
        entry.pk, entry.posting, entry.amount, entry.balance_after = None, posting, gain, after
    type(entries[0]).objects.bulk_create(entries)
    Account.objects.filter(owner_ref=rider.ref, kind="available").update(balance=F("balance") + points)
    Lot.objects.filter(account__owner_ref=rider.ref).update(left=F("left") + points)
    slot = Slice.objects.order_by("-left")[0]
    Slice.objects.filter(pk=slot.pk).update(left=F("left") - points)
    return posting.pk


def books(count=5):
    rider = person()
    give(rider, count * 15)
    return rider, list(Posting.objects.order_by("pk"))


def test_batches_follow_each_other_and_seal_everything_once():
    _rider, rows = books()
    assert [seal_postings(limit=2) for _ in range(4)] == [2, 2, 1, 0]
    one, two, three = Batch.objects.order_by("number")
    assert (one.previous, two.previous, three.previous) == (chain.START, one.hash, two.hash)
    assert [(b.first, b.last) for b in (one, two, three)] == [(1, 2), (3, 4), (5, 5)]
    assert list(Link.objects.order_by("position").values_list("posting_id", flat=True)) == [row.pk for row in rows]
    proof = compare()
    assert proof.is_sound
    assert (proof.sealed, proof.unsealed, proof.head) == (5, 0, three.hash)
    anchor = AuditEvent.objects.filter(action="rewards.sealed").latest("pk")
    assert (anchor.subject, anchor.data["hash"]) == ("ledger:3", three.hash)


def test_what_is_not_sealed_yet_is_counted_and_no_fault():
    books()
    proof = compare()
    assert (proof.is_sound, proof.sealed, proof.unsealed) == (True, 0, 5)


def test_sealing_that_stands_still_while_the_books_go_on_is_a_fault():
    rider, now = person(), clock.now()

    def paid(n, minutes):
        with clock.at(now + timedelta(minutes=minutes)):
            return award(beneficiary=rider.ref, rule="one", source=f"report:{n}", act="x", actor="system:x")

    paid(0, 0)
    seal_postings()
    waits = paid(1, 1)
    paid(2, 59)
    assert compare().is_sound
    paid(3, 62)
    assert compare().findings == {"unsealed_postings": [waits.pk]}
    assert prove().sound is False
    with clock.at(now + timedelta(minutes=62)):
        assert queries.seal_state().lag_seconds == 61 * 60
    seal_postings()
    assert (compare().is_sound, queries.seal_state().lag_seconds) == (True, 0)


def test_the_words_of_who_leaves_may_go():
    books()
    seal_postings()
    Posting.objects.update(words=b"")
    assert compare().is_sound


@pytest.mark.parametrize("of", ["rewards_batch", "rewards_link"])
@pytest.mark.parametrize("act", ["UPDATE {} SET hash = 'x'", "DELETE FROM {}"])
def test_the_database_refuses_changes_of_the_chain(of, act):
    books(1)
    seal_postings()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(act.format(of))
    assert compare().is_sound


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE rewards_posting SET at = created_at, actor = 'x' WHERE id = %s",
        "UPDATE rewards_posting SET rule_version = 9 WHERE id = %s",
        "UPDATE rewards_entry SET expires_on = '2030-01-31' WHERE posting_id = %s AND expires_on IS NOT NULL",
    ],
)
def test_an_edited_row_is_named(sql):
    _rider, rows = books()
    seal_postings()
    past_the_triggers((sql, rows[2].pk))
    assert compare().findings["edited_postings"] == [rows[2].pk]


def test_a_posting_that_was_given_to_somebody_else_is_named_even_when_all_sums_fit():
    rider, rows = books(1)
    seal_postings()
    thief = person()
    past_the_triggers(
        ("UPDATE rewards_posting SET beneficiary = %s", thief.ref),
        ("UPDATE rewards_account SET owner_ref = %s WHERE owner_ref = %s", thief.ref, rider.ref),
    )
    assert compare().findings == {"edited_postings": [rows[0].pk]}


def test_a_deleted_row_is_named():
    rider, rows = books(2)
    seal_postings()
    gone = rows[1].pk
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA defer_foreign_keys = ON")
    with transaction.atomic():
        past_the_triggers(
            ("DELETE FROM rewards_entry WHERE posting_id = %s", gone),
            ("DELETE FROM rewards_posting WHERE id = %s", gone),
            ("UPDATE rewards_account SET balance = 15 WHERE kind = 'available'",),
            ('UPDATE rewards_lot SET "left" = 15',),
            ('UPDATE rewards_slice SET "left" = "left" + 15 WHERE slot = 15',),
        )
        assert compare().findings == {"edited_postings": [gone]}
        assert queries.balance(rider.ref) == 15
        past_the_triggers(("DELETE FROM rewards_link WHERE posting_id = %s", gone))
        assert compare().findings == {"broken_batches": [1]}
        transaction.set_rollback(True)


def test_a_gap_a_cut_tail_and_a_rewritten_chain_are_named():
    books(6)
    for _ in range(3):
        seal_postings(limit=2)
    with transaction.atomic():
        past_the_triggers(("DELETE FROM rewards_batch WHERE number = 2",))
        assert compare().findings == {"broken_batches": [3]}
        transaction.set_rollback(True)
    with transaction.atomic():
        past_the_triggers(
            ("DELETE FROM rewards_batch WHERE number = 3",), ("DELETE FROM rewards_link WHERE position > 4",)
        )
        assert compare().findings == {"broken_batches": [3]}, "the audit log knows it"
        transaction.set_rollback(True)
    with transaction.atomic():
        past_the_triggers(
            ("UPDATE rewards_posting SET actor = 'x' WHERE id = (SELECT MIN(id) FROM rewards_posting)",),
            ("DELETE FROM rewards_link",),
            ("DELETE FROM rewards_batch",),
        )
        before = AuditEvent.objects.filter(action="rewards.sealed").count()
        while seal_postings(limit=2):
            pass
        found = compare().findings
        assert found.pop("unsigned_postings") == [Posting.objects.order_by("pk")[0].pk], "it is not sealed again"
        assert found == {"broken_batches": [1, 2, 3]}, "each has two anchors that differ"
        assert AuditEvent.objects.filter(action="rewards.sealed").count() == before * 2
        transaction.set_rollback(True)
    assert compare().is_sound


def test_a_row_slipped_in_among_old_ones_is_never_sealed_and_named(monkeypatch):
    books(3)
    seal_postings()
    monkeypatch.setattr(chain, "WINDOW", 0)
    first = Posting.objects.order_by("pk").first()
    late = Posting.objects.get(pk=first.pk)
    late.pk, late.key = first.pk - 1000, "slipped-in"
    late.points = late.nominal = 0
    signed(late).save(force_insert=True)
    assert seal_postings() == 0
    assert compare().findings == {"smuggled_postings": [late.pk]}


def test_one_that_commits_late_is_sealed_with_the_next_batch():
    _rider, rows = books(2)
    gap = Posting.objects.get(pk=rows[-1].pk)
    gap.pk, gap.key = rows[-1].pk + 50, sealing.stored_key("later number")
    gap.points = gap.nominal = 0
    signed(gap).save(force_insert=True)
    seal_postings()
    gap.pk, gap.key = rows[-1].pk + 20, sealing.stored_key("commits late")
    signed(gap).save(force_insert=True)
    assert seal_postings() == 1
    assert (Batch.objects.latest("number").through, compare().is_sound) == (rows[-1].pk + 50, True)


@pytest.mark.parametrize(
    ("kind", "statements"),
    [
        ("lost_promises", ["UPDATE rewards_owed SET points = points + 1"]),
        ("lost_promises", ["UPDATE rewards_hold SET given = 3"]),
        (
            "lost_promises",
            [
                "UPDATE rewards_hold SET points = 12 WHERE id = (SELECT MIN(id) FROM rewards_hold)",
                "UPDATE rewards_hold SET points = 13 WHERE id = (SELECT MAX(id) FROM rewards_hold)",
            ],
        ),
        ("wrong_budgets", ["UPDATE rewards_budget SET cap = cap + 9, rest = rest + 9"]),
        (
            "wrong_lots",
            [
                'UPDATE rewards_lot SET opening = 1, "left" = "left" + 1 WHERE id = (SELECT MIN(id) FROM rewards_lot)',
                'UPDATE rewards_lot SET opening = -1, "left" = "left" - 1 WHERE id = (SELECT MAX(id) FROM rewards_lot)',
            ],
        ),
        ("wrong_limits", ["UPDATE rewards_account SET floor = NULL WHERE kind = 'available'"]),
        ("wrong_limits", ["UPDATE rewards_account SET ceiling = NULL WHERE kind = 'debt'"]),
        ("broken_batches", ["UPDATE rewards_batch SET sealed_on = '2020-01-01'"]),
    ],
)
def test_figures_beside_the_entries_are_proved_too(kind, statements):
    terms = {"budgets": {"caps": {"points": 40}, "slice_size": 10}}
    publish("rewards.books", terms, note="测试", actor_ref="system:test", valid_from=datetime(2001, 1, 1, tzinfo=UTC))
    rider, signs = person(), (Signal("reused-photo"),)

    def paid(rule, n, signals=()):
        award_many([Award(rider.ref, rule, f"report:{n}", "x", "system:x", signals=signals)])

    with clock.at(datetime(2026, 3, 15, 4, tzinfo=UTC)):
        paid("one", 1)
    with clock.at(datetime(2026, 6, 15, 4, tzinfo=UTC)):
        change_cap(actor=person("admin"), budget=Budget.objects.get().public_id, cap=45, reason="追加")
        paid("fire-lane", 2)
        paid("confirm", 3)
        reverse(source="report:3", reason="无效", actor="system:x")  # opens the account of debts
        paid("fire-lane", 4, signs)
        paid("manhole", 5, signs)
        paid("manhole", 6)
        seal_postings()
    assert (Lot.objects.count(), Hold.objects.count(), Owed.objects.count()) == (2, 2, 1)
    assert compare().is_sound
    past_the_triggers(*((sql,) for sql in statements))
    assert kind in compare().findings


def test_sealing_takes_the_same_number_of_statements_however_many():
    def cost(count):
        books(count)
        with CaptureQueriesContext(connection) as caught:
            seal_postings()
        return len(caught)

    assert cost(2) == cost(30)


def test_the_command_names_an_edited_row_on_a_line_and_exits_1(capsys):
    _rider, rows = books()
    seal_postings()
    past_the_triggers(("UPDATE rewards_posting SET actor = 'x' WHERE id = %s", rows[3].pk))
    with pytest.raises(SystemExit) as stopped:
        call_command("rewards", "audit")
    first, last = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (stopped.value.code, first) == (1, {"finding": "edited_postings", "count": 1, "ids": [rows[3].pk]})
    assert (last["sound"], last["sealed"], last["unsealed"]) == (False, 5, 0)


def test_the_nights_proof_is_kept():
    rider, _rows = books()
    seal_postings()
    prove()
    past_the_triggers(("UPDATE rewards_posting SET actor = 'x'",))
    prove()
    good, bad = Replay.objects.order_by("pk")
    assert (good.sound, good.postings, good.sealed, good.findings) == (True, 5, 5, {})
    assert (bad.sound, len(bad.findings["edited_postings"])) == (False, 5)
    assert good.head == Batch.objects.get().hash
    assert queries.balance(rider.ref) == 75


def test_a_balance_of_any_moment():
    rider, now = person(), clock.now()
    for days, source in ((0, "report:1"), (3, "report:2")):
        with clock.at(now + timedelta(days=days)):
            # What was done yesterday and booked now was not there before now.
            yesterday = now + timedelta(days=days - 1)
            award(beneficiary=rider.ref, rule="manhole", source=source, act="x", actor="system:x", at=yesterday)
    moments = [timedelta(minutes=-1), timedelta(), timedelta(days=2, hours=1), timedelta(days=3)]
    assert [queries.balance_at(rider.ref, now + one) for one in moments] == [0, 15, 15, 30]


class TestForged:
    """A posting that SQL wrote fits all sums; without the master key its keyed hash does not."""

    def test_it_is_named_and_never_sealed_and_others_are(self):
        rider, rows = books(1)
        forged = forge(rider)
        genuine = award(beneficiary=person().ref, rule="one", source="report:after", act="x", actor="system:x")
        assert compare().findings["unsigned_postings"] == [forged]
        assert (seal_postings(limit=2), seal_postings()) == (2, 0)
        assert set(Link.objects.values_list("posting_id", flat=True)) == {rows[0].pk, genuine.pk}
        assert compare().findings["unsigned_postings"] == [forged]

    def test_one_with_the_keyed_hash_of_another_is_named_too(self):
        _rider, rows = books(1)
        copy = Posting.objects.get(pk=rows[0].pk)
        copy.pk, copy.key = None, "copied"
        copy.save(force_insert=True)
        assert seal_postings() == 1
        assert copy.mac
        assert compare().findings["unsigned_postings"] == [copy.pk]

    def test_one_that_comes_with_a_batch_of_its_own_is_named(self, monkeypatch):
        rider, _rows = books(1)
        seal_postings()
        forged = forge(rider)
        with monkeypatch.context() as patch:
            patch.setattr(chain.Seen, "is_genuine", lambda _seen, _start: True)
            assert seal_postings() == 1
        found = compare().findings
        assert found["unsigned_postings"] == [forged]
        assert "broken_batches" not in found

    def test_an_auditor_may_let_it_stand(self):
        rider, _rows = books(1)
        forged, auditor = forge(rider), person("auditor")
        acknowledge(actor=auditor, posting=forged, reason="Written by the release before")
        assert seal_postings() == 2
        proof = compare()
        assert ("unsigned_postings" in proof.findings, proof.acknowledged) == (False, [forged])

    def test_an_auditor_has_nothing_to_say_about_a_genuine_one(self):
        _rider, rows = books(1)
        with pytest.raises(NoLatePosting):
            acknowledge(actor=person("auditor"), posting=rows[0].pk, reason="x")

    def test_what_was_there_before_the_upgrade_needs_none(self):
        _rider, rows = books(3)
        past_the_triggers(["UPDATE rewards_posting SET mac = NULL"])
        assert compare().findings == {"unsigned_postings": [row.pk for row in rows]}
        Signing.objects.create(through=rows[2].pk, mac="0" * 32)
        assert seal_postings() == 0, "who has no master key cannot say since when"
        Signing.objects.create(through=rows[1].pk, mac=sealing.mac_of_start(rows[1].pk))
        assert (seal_postings(), compare().findings) == (2, {"unsigned_postings": [rows[2].pk]})

    def test_the_keyed_hash_may_not_be_changed(self):
        _rider, _rows = books(1)
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            Posting.objects.update(mac=None)
        assert compare().is_sound


def test_what_is_not_balanced_is_never_sealed():
    """PostgreSQL refuses the entries; on SQLite they come in, and the chain refuses their posting."""
    _rider, rows = books(2)
    entry = rows[0].entries.order_by("pk")[0]
    entry.pk, entry.amount = None, 1
    if connection.vendor == "postgresql":
        with pytest.raises(DatabaseError, match="sum to zero"), transaction.atomic():
            entry.save(force_insert=True)
        assert rows[0].entries.count() == 2
        return
    entry.save(force_insert=True)
    with pytest.raises(DatabaseError, match="sum to zero"), transaction.atomic():
        Link.objects.create(position=1, posting_id=rows[0].pk, hash="x")
    Link.objects.create(position=1, posting_id=rows[1].pk, hash="x")
    assert list(Link.objects.values_list("posting_id", flat=True)) == [rows[1].pk]


class TestRules:
    """An entry names the version of its rule: that proves something only while the version says what it said."""

    @pytest.mark.parametrize(
        "edit",
        [
            "UPDATE policy_ruleversion SET data = '{\"lines\": []}' WHERE kind = 'rewards.points'",
            "UPDATE policy_ruleversion SET valid_from = '2020-01-01 00:00:00+00:00' WHERE kind = 'rewards.points'",
            "DELETE FROM policy_ruleversion WHERE kind = 'rewards.points'",
        ],
    )
    def test_a_version_that_was_edited_past_the_triggers_is_named(self, edit):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(edit)
        assert compare().is_sound
        past_the_triggers([edit])
        assert compare().findings == {"changed_rules": ["rewards.points v1"]}

    def test_a_version_that_nobody_published_is_named(self):
        columns = "valid_from, data, note, published_by, published_at"
        of_points = "FROM policy_ruleversion WHERE kind = 'rewards.points'"
        past_the_triggers(
            [f"INSERT INTO policy_ruleversion (kind, version, {columns}) SELECT kind, 2, {columns} {of_points}"]
        )
        assert compare().findings == {"changed_rules": ["rewards.points v2"]}
