"""The link between a report and its reporter: what is stored, what opens it, and that old reports are sealed."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from qixia.audit.services import record
from qixia.kernel import clock
from qixia.kernel.keys import BadSeal
from qixia.people.services import create_person
from qixia.reports.models import Report, ReportStep
from qixia.reports.sealing import index_of, open_link, seal_link
from qixia.reports.tests.town import Town, reach, send, the


def test_a_link_opens_for_its_own_report_only(town: Town) -> None:
    first, second = the(send(town.rider)), the(send(town.rider))
    assert open_link(first.reporter_link, report=first.public_id) == town.rider.public_id
    with pytest.raises(BadSeal):
        open_link(first.reporter_link, report=second.public_id)
    assert bytes(first.reporter_link) != bytes(second.reporter_link)
    assert first.reporter_index == second.reporter_index == index_of(town.rider.public_id)
    assert index_of(town.other_rider.public_id) != first.reporter_index


def test_of_nobody_nothing_opens() -> None:
    assert open_link(None, report="x") == ""
    assert len(seal_link("a" * 26, report="x")) == len(seal_link("b" * 26, report="y"))


def test_no_row_about_a_report_names_its_reporter(town: Town) -> None:
    """Whatever the reporter does with it, to the end."""
    reach(town, "fixed")
    reach(town, "reopened")
    rider = town.people["rider"]
    hints = re.compile(rf"{rider.public_id}|{rider.display_name}")
    events = apps.get_model("jobs", "Event").objects.filter(ref__startswith="report:")
    history = apps.get_model("audit", "AuditEvent").objects.filter(subject__startswith="report:")
    for rows in (Report.objects.all(), ReportStep.objects.all(), events, history):
        assert rows.exists()
        for row in rows.values():
            assert not hints.search(str(row)), row
    steps = ReportStep.objects.filter(step__in=("raise", "confirm", "dispute")).values_list("actor", flat=True)
    assert set(steps) == {"reporter"}


@pytest.fixture
def before_sealing(transactional_db: None) -> Iterator[MigrationExecutor]:
    """The tables as they were when a report still named its reporter."""
    executor = MigrationExecutor(connection)
    executor.migrate([("reports", "0002_make_room_for_secrecy")])
    yield MigrationExecutor(connection)
    migrate_to_head()


def migrate_to_head() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


@pytest.mark.slow
def test_old_reports_are_sealed_and_their_history_forgets(before_sealing: MigrationExecutor) -> None:
    state = before_sealing.loader.project_state([("reports", "0002_make_room_for_secrecy")])
    old_report, old_step = state.apps.get_model("reports", "Report"), state.apps.get_model("reports", "ReportStep")
    person, now = create_person(display_name="旧人", actor="system:test"), clock.now()
    facts = {"lat": 24.9, "lng": 118.6, "received_at": now, "answer_due": now}
    known = [old_report.objects.create(reporter_id=person.pk, **facts) for _ in range(3)]
    nobodys = old_report.objects.create(reporter_id=None, **facts)
    step = {"report_id": known[0].pk, "at": now, "before": "confirming", "after": "fixed"}
    old_step.objects.create(step="confirm", actor=f"person:{person.public_id}", **step)
    old_step.objects.create(step="verify", actor="person:clerk", **step)
    for action in ("reports.received", "reports.confirm", "reports.verify"):
        record(action, subject=f"report:{known[0].public_id}", actor=f"person:{person.public_id}")
    migrate_to_head()
    found = Report.objects.filter(reporter_index=index_of(person.public_id))
    assert {report.pk for report in found} == {report.pk for report in known}
    assert {open_link(one.reporter_link, report=one.public_id) for one in found} == {person.public_id}
    left = Report.objects.get(pk=nobodys.pk)
    assert (left.secrecy, left.reporter_link, len(left.claim_hash or "")) == ("anonymous", None, 64)
    assert list(ReportStep.objects.order_by("id").values_list("actor", flat=True)) == ["reporter", "person:clerk"]
    with pytest.raises(DatabaseError), transaction.atomic():
        ReportStep.objects.update(actor="x")
    with pytest.raises(DatabaseError), transaction.atomic():
        ReportStep.objects.all().delete()
    history = apps.get_model("audit", "AuditEvent").objects.filter(subject=f"report:{known[0].public_id}")
    actors = list(history.order_by("id").values_list("actor", flat=True))
    assert actors == ["reporter", "reporter", f"person:{person.public_id}"]  # staff answer for what they did
    with pytest.raises(DatabaseError), transaction.atomic():
        history.update(actor="x")
    with pytest.raises(DatabaseError), transaction.atomic():
        history.delete()
