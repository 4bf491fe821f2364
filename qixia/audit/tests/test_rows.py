"""Many rows at once come back as they went in, whichever way they took."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from qixia.audit import rows
from qixia.audit.models import AuditEvent
from qixia.kernel import clock

pytestmark = pytest.mark.django_db
WORDS = ["", "\\N", "NULL", "a\tb", "c\nd", "e\\f", '"g"', "'h'", "积分", "%s", "{}", "𝒙", "a,b", "E'i'", "};--"]
COLUMNS = ("at", "action", "subject", "actor", "request_id", "data")


def some(count, now=None):
    now = now or clock.now()
    made = [(now, "x.done", f"x:{n}", word, "", {"word": word, "n": n, "no": None}) for n, word in enumerate(WORDS)]
    return made[:count]


def kept():
    found = AuditEvent.objects.filter(action="x.done").order_by("pk")
    return [(r.at, r.action, r.subject, r.actor, r.request_id, r.data) for r in found]


@pytest.mark.parametrize("many", [3, 500])
@pytest.mark.parametrize("count", [1, 2, len(WORDS)])
def test_values_survive(monkeypatch, count, many):
    monkeypatch.setattr(rows, "MANY", many)
    ids = rows.insert_many(AuditEvent, COLUMNS, some(count, now := clock.now()), ids=True)
    assert list(AuditEvent.objects.filter(action="x.done").order_by("pk").values_list("pk", flat=True)) == ids
    assert ids == sorted(ids)
    assert kept() == some(count, now)


def test_rows_that_are_all_alike_are_as_many_as_they_were():
    rows.insert_many(AuditEvent, COLUMNS, some(1) * 4)
    assert len(kept()) == 4


@pytest.mark.parametrize("count", [1, 3])
def test_what_is_too_long_is_refused_and_never_cut(count):
    long = [(clock.now(), "x.done", f"x:{n}" * 500, "a", "", {}) for n in range(count)]
    for insert in (rows.insert_many, rows.insert_new):
        if connection.vendor == "postgresql":
            with pytest.raises(DatabaseError), transaction.atomic():
                insert(AuditEvent, COLUMNS, long)
        else:  # SQLite has no lengths
            insert(AuditEvent, COLUMNS, long)
    assert {len(row[2]) for row in kept()} <= {1500}


def test_nothing_is_nothing():
    assert rows.insert_many(AuditEvent, ("at",), [], ids=True) == []
    assert rows.ask([]) == []


def test_what_is_written_together_goes_in_one_message():
    with CaptureQueriesContext(connection) as caught, rows.together():
        rows.insert_many(AuditEvent, COLUMNS, some(2, now := clock.now()))
        with rows.together():
            rows.insert_many(AuditEvent, COLUMNS, some(3, now))
    assert kept() == some(2, now) + some(3, now)
    assert len(caught) == (1 if connection.vendor == "postgresql" else 2)


def test_what_fails_together_leaves_nothing():
    class Refused(Exception):
        pass

    wrong = rows.Statement("SELECT 1 WHERE 1 = 0", rows=1, otherwise=lambda count: Refused(count))
    with pytest.raises(Refused), transaction.atomic(), rows.together():
        rows.insert_many(AuditEvent, COLUMNS, some(2))
        rows.execute(wrong)
    with pytest.raises(Refused), transaction.atomic(), rows.together():
        rows.insert_many(AuditEvent, COLUMNS, some(2))
        raise Refused
    assert kept() == []


def test_each_question_has_its_answer():
    rows.insert_many(AuditEvent, COLUMNS, some(3))
    one = "SELECT subject FROM audit_auditevent WHERE action = %s ORDER BY id LIMIT %s"
    asked = [rows.Statement(one, ["x.done", 2]), rows.Statement(one, ["none", 2]), rows.Statement("SELECT 7")]
    assert rows.ask(asked) == [[("x:0",), ("x:1",)], [], [(7,)]]
