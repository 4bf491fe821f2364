"""The books name no report: neither in rows nor in history, and they go on to work as if they did."""

import json

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from qixia.jobs.models import Event, Job
from qixia.kernel.requests import with_request_id
from qixia.rewards import queries, rules, sealing
from qixia.rewards.errors import KeyReused
from qixia.rewards.models import Posting
from qixia.rewards.services import award, compare, reverse
from qixia.rewards.tests.builders import person
from qixia.rewards.tests.test_points import without_triggers

REPORT = "report:q7w4zk1mhc8d2v5x9n3b6s0trf"
WORDS = {"number": "407188235", "place": "云帆路 8 号", "link": f"/r/{REPORT[7:]}/"}
REQUEST = "request-of-the-report"


def pay(rider, **changes):
    act = {"rule": "manhole", "source": REPORT, "act": "reports.dispatched", "actor": "system:settle"}
    return award(beneficiary=rider.ref, note_params=WORDS, **(act | changes))


def everything_about(*names):
    """All that the tables hold, as text; bytes too."""
    found = []
    for name in names:
        model = apps.get_model(name)
        found += [
            " ".join(repr(bytes(v)) if isinstance(v, memoryview) else str(v) for v in row)
            for row in model.objects.values_list()
        ]
    assert found
    return "\n".join(found)


@pytest.mark.usefixtures("table")
def test_no_row_of_a_payment_names_the_report():
    rider = person()
    with with_request_id(REQUEST):
        pay(rider)
        reverse(source=REPORT, reason="与 407-188-235 重复", actor="person:clerk")
    stored = everything_about("rewards.Posting", "rewards.Entry", "audit.AuditEvent", "jobs.Event", "notices.Notice")
    assert Posting.objects.count() == 2
    for plain in (REPORT[7:], "407188235", "407-188-235", "云帆路", REQUEST, rules.content_hash(act="", params=WORDS)):
        assert plain not in stored
    key = rules.posting_key(rules.CLASS_RULE, REPORT, rider.ref)
    for guess in (key, rules.content_hash(act="reports.dispatched", params=WORDS)):
        assert guess not in stored, "what anybody can compute from the report"
    assert json.dumps([job.args for job in Job.objects.all()]).find(REPORT) == -1


@pytest.mark.usefixtures("table")
def test_the_rider_reads_all_of_it():
    rider = person()
    pay(rider)
    [month] = queries.entries_page(rider.ref).months
    [line] = month.rows
    assert (line.number, line.place, line.link, line.title) == (*WORDS.values(), "井盖缺失破损移位")


@pytest.mark.usefixtures("table")
def test_a_payment_under_the_request_of_a_voucher_keeps_its_name():
    """Only what must not be joined loses it: a voucher is its rider's own."""
    rider = person()
    award(beneficiary=rider.ref, rule="one", source=rider.ref, act="people.joined", actor="system:x")
    with with_request_id(REQUEST):
        award(beneficiary=rider.ref, rule="confirm", source=rider.ref, act="people.joined", actor="system:x")
    rows = Posting.objects.order_by("id")
    assert [(row.source, row.request_id) for row in rows] == [(rider.ref, ""), (rider.ref, REQUEST)]


@pytest.mark.parametrize("source", ["", "voucher:a", "person:b", "anonymous:c"])
def test_sources_that_join_nothing_stay(source):
    assert sealing.stored_source(source) == source
    assert not sealing.is_hidden(source)


@pytest.mark.parametrize("source", ["report:a", "case:a", "report", "organisation:x"])
def test_all_others_are_hidden(source):
    stored = sealing.stored_source(source)
    assert stored.startswith(source.partition(":")[0] + "~")
    assert sealing.is_hidden(stored)
    assert stored == sealing.stored_source(source) != sealing.stored_source(source + "b")
    assert len(stored) <= Posting._meta.get_field("source").max_length


@pytest.mark.usefixtures("table")
def test_every_column_but_the_words_refuses_a_change():
    row = pay(person())
    columns = [field.column for field in Posting._meta.concrete_fields]
    assert "words" in columns
    for column in columns:
        with connection.cursor() as cursor:
            if column == "words":
                cursor.execute("UPDATE rewards_posting SET words = %s WHERE id = %s", [b"", row.pk])
                continue
            with pytest.raises(DatabaseError), transaction.atomic():
                cursor.execute(f"UPDATE rewards_posting SET {column} = {column}")
    with pytest.raises(DatabaseError), transaction.atomic():
        Posting.objects.all().delete()
    assert Posting.objects.get().params == {}, "emptied words read as none"
    assert queries.entries_page(row.beneficiary).months[0].rows[0].title == ""


def _turn_back_to_plain(row, *, plain_key, words):
    """As 0002 had it."""
    without_triggers(
        "UPDATE rewards_posting SET key = %s, source = %s, content_hash = %s, request_id = %s WHERE id = %s",
        plain_key,
        REPORT,
        rules.content_hash(act=row.act, params=words),
        REQUEST,
        row.pk,
    )


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_migration_keeps_the_books_and_takes_the_report_out_of_history(table_live):
    """One way back and forth for both: it costs ten seconds."""
    rider, other = person(), person()
    first, kept = pay(rider), award(beneficiary=other.ref, rule="one", source=other.ref, act="x", actor="system:x")
    entries = apps.get_model("rewards", "Entry").objects.order_by("pk")
    before = list(entries.values_list("pk", "amount", "balance_after"))
    back_to(("rewards", "0002_anonymous_points"))
    try:
        with transaction.atomic():
            _turn_back_to_plain(first, plain_key=rules.posting_key("class", REPORT, rider.ref), words=WORDS)
        with pytest.raises(DatabaseError), connection.cursor() as cursor:
            cursor.execute("UPDATE rewards_posting SET points = points")
        _write_plain_history(rider)
    finally:
        back_to(None)
    assert list(entries.values_list("pk", "amount", "balance_after")) == before
    _check_history()
    _check_books(rider, first, kept)


def _write_plain_history(rider):
    """As 0002 had it, beside what is there."""
    facts = {"at": "2026-11-22T00:00:00Z", "actor": "system:settle", "request_id": REQUEST}
    apps.get_model("audit", "AuditEvent").objects.create(
        action="rewards.award", subject=REPORT, data={"beneficiary": rider.ref}, **facts
    )
    Event.objects.create(public_id="e1", name="rewards.posted", ref=REPORT, at=facts["at"])


def _check_history():
    history = apps.get_model("audit", "AuditEvent").objects
    rows = history.filter(action="rewards.award", subject=sealing.stored_source(REPORT)).values_list("request_id")
    assert list(rows) == [("",), ("",)]
    assert not history.filter(subject=REPORT).exists()
    assert not Event.objects.filter(ref=REPORT).exists()
    with pytest.raises(DatabaseError), transaction.atomic():
        history.update(actor="x")


def _check_books(rider, first, kept):
    stored = everything_about("rewards.Posting")
    for plain in (REPORT[7:], "407188235", "云帆路", REQUEST):
        assert plain not in stored
    assert Posting.objects.get(pk=kept.pk).source == kept.beneficiary
    assert compare().is_sound
    assert pay(rider).pk == first.pk, "a repetition is one"
    with pytest.raises(KeyReused):
        pay(rider, act="reports.verified")
    assert queries.entries_page(rider.ref).months[0].rows[0].place == "云帆路 8 号"
    [undone] = reverse(source=REPORT, reason="重复", actor="system:x")
    assert undone.reverses_id == first.pk
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute("UPDATE rewards_posting SET points = points")


def back_to(target):
    """Migrate to `target`, or to the newest of everything."""
    executor = MigrationExecutor(connection)
    executor.migrate([target] if target else executor.loader.graph.leaf_nodes())
