"""The access log: what it takes, what it refuses, what it opens for whom, and how long it stands."""

from datetime import date, datetime, timedelta

import pytest
from django.db import DatabaseError, transaction

from qixia.audit import queries, rules
from qixia.audit.models import AccessRecord, AuditEvent
from qixia.audit.services import record_access
from qixia.kernel import clock
from qixia.kernel.errors import Invalid

ALL = queries.AccessFilter()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "      ",
        "投诉",
        "aaaaaaaa",
        "。。。。。。。。",
        "核核核核核核核",
        "ab ab",
        "\u200b" * 12,
        "字" * 3 + "长" * 600,
    ],
)
def test_what_is_no_reason(text):
    with pytest.raises(Invalid) as refusal:
        rules.check_reason(text)
    assert refusal.value.field == "reason"


def test_a_reason_is_kept_in_one_line():
    assert rules.check_reason("  派出所\n来函\u202e调取 ") == "派出所 来函 调取"


@pytest.mark.django_db
def test_an_access_is_sealed_and_stands_in_both_logs():
    made = record_access(
        kind="original",
        subject="report:1",
        actor="person:a",
        basis="check",
        reason="核对整改前后是否同一处",
        evidence="media:1",
    )
    row = AccessRecord.objects.get()
    assert row.public_id == made
    assert "核对".encode() not in bytes(row.sealed_reason)
    assert AuditEvent.objects.get().data == {"basis": "check", "access": made}
    (line,) = queries.accesses(ALL, limit=10)
    assert (line.subject, line.actor, line.reason, line.data) == (
        "report:1",
        "person:a",
        "核对整改前后是否同一处",
        {"evidence": "media:1"},
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "field"),
    [({"basis": "curiosity"}, "basis"), ({"reason": "看看"}, "reason"), ({"reason": ""}, "reason")],
)
def test_a_refused_access_leaves_nothing(change, field):
    given = {"kind": "reporter", "subject": "report:1", "actor": "person:a", "basis": "law", "reason": "派出所来函调取"}
    with pytest.raises(Invalid) as refusal:
        record_access(**given | change)
    assert refusal.value.field == field
    assert (AccessRecord.objects.count(), AuditEvent.objects.count()) == (0, 0)


@pytest.mark.django_db
@pytest.mark.parametrize("basis", sorted(rules.NO_REASON_ASKED))
def test_own_data_and_boxes_need_no_typed_reason(basis):
    record_access(kind="export", subject="person:a", actor="person:a", basis=basis)
    assert AccessRecord.objects.get().sealed_reason is None


@pytest.mark.django_db
def test_pages_go_both_ways_and_filters_hold():
    for number in range(5):
        record_access(
            kind="phone", subject=f"person:{number}", actor="person:a", basis="safety", reason="骑手失联需要回拨"
        )
    record_access(kind="reporter", subject="report:9", actor="person:b", basis="law", reason="派出所来函调取")
    first = queries.accesses(ALL, limit=4)
    assert [line.subject for line in first] == ["report:9", "person:4", "person:3", "person:2"]
    second = queries.accesses(ALL, limit=4, older_than=first[-1].id)
    assert [line.subject for line in second] == ["person:1", "person:0"]
    assert queries.accesses(ALL, limit=4, newer_than=second[0].id) == first
    assert len(queries.accesses(queries.AccessFilter(kind="phone", actor="person:a"), limit=9)) == 5
    assert queries.accesses(queries.AccessFilter(basis="law", kind="phone"), limit=9) == []
    today = clock.city_date(clock.now())
    assert len(queries.accesses(queries.AccessFilter(since=today, until=today), limit=9)) == 6
    assert queries.accesses(queries.AccessFilter(until=today - timedelta(days=1)), limit=9) == []


@pytest.mark.django_db
def test_the_one_concerned_sees_who_and_when_and_never_the_reason():
    record_access(kind="reporter", subject="report:1", actor="person:a", basis="law", reason="派出所来函调取")
    record_access(kind="export", subject="person:r", actor="person:r", basis="self")
    (line,) = queries.accesses_about(["report:1", "person:r"])
    assert (line.actor, line.basis, line.reason) == ("person:a", "law", "")


@pytest.mark.django_db
def test_counts_by_week_and_by_day():
    moments = [datetime(2026, 3, day, 12, tzinfo=clock.CITY_TZ) for day in (2, 8, 9, 9)]
    for moment in moments:
        with clock.at(moment):
            record_access(kind="phone", subject="person:x", actor="person:a", basis="safety", reason="骑手失联需要回拨")
    assert queries.accesses_per_week(ALL, weeks=3, today=date(2026, 3, 10)) == [
        (date(2026, 2, 23), 0),
        (date(2026, 3, 2), 2),
        (date(2026, 3, 9), 2),
    ]
    found = queries.accesses_a_day(["person:a"], moments[1])
    assert found == {("person:a", date(2026, 3, 8)): 1, ("person:a", date(2026, 3, 9)): 2}


@pytest.mark.django_db
def test_the_database_refuses_changes_and_keeps_half_a_year():
    record_access(kind="phone", subject="person:new", actor="person:a", basis="safety", reason="骑手失联需要回拨")
    with clock.at(clock.now() - timedelta(days=200)):
        record_access(kind="phone", subject="person:old", actor="person:a", basis="safety", reason="骑手失联需要回拨")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AccessRecord.objects.filter(subject="person:old").update(actor="person:b")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AccessRecord.objects.filter(subject="person:new").delete()
    AccessRecord.objects.filter(subject="person:old").delete()
    assert [row.subject for row in AccessRecord.objects.all()] == ["person:new"]
