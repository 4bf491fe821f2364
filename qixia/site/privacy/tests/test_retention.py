"""What has had its time goes, in small batches, and leaves proof; the page shows it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import yaml
from django.db import DatabaseError, transaction
from django.test import Client

from qixia.audit import queries as audit
from qixia.audit import retention
from qixia.audit.models import AccessRecord, AuditEvent, RetentionRun
from qixia.audit.services import record_access
from qixia.jobs.models import Command, Event
from qixia.jobs.services import publish
from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.media.models import Evidence
from qixia.notices.models import Notice
from qixia.people import queries as people
from qixia.people import services
from qixia.people.apps import SEEDS
from qixia.people.models import SignInCode, Throttle
from qixia.people.sessions import BACKEND
from qixia.people.tests import build
from qixia.places import queries as places
from qixia.policy.services import publish as publish_rules
from qixia.policy.services import publish_seeds
from qixia.reports.models import Report
from qixia.reports.tests.town import build_town, reach

PAGE = "/privacy/retention/"


@pytest.fixture
def ground(db):
    publish_seeds()
    people.forget_organisations()


def days_ago(days: float):
    return clock.at(clock.now() - timedelta(days=days))


def test_the_shipped_policy_names_every_kind_and_no_other(ground):
    seed = yaml.safe_load((SEEDS / "retention.yaml").read_text(encoding="utf-8"))["days"]
    assert seed == {kind.name: kind.days for kind in retention.kinds()}
    assert all(kind.least <= kind.days for kind in retention.kinds())


def test_each_kind_goes_when_its_time_has_come_and_not_before(ground):
    for age in (29, 31):
        with days_ago(age):
            publish("people.erased", f"person:{age}")
    for age in (1, 3):
        with days_ago(age):
            build.challenge(f"1380000000{age}")
    assert services.run_retention() > 0
    assert [event.ref for event in Event.objects.filter(name="people.erased")] == ["person:29"]
    assert SignInCode.objects.count() == 1
    proof = audit.latest_purges()
    assert (proof["events"].removed, proof["events"].days, proof["events"].finished) == (1, 30, True)
    left = Event.objects.order_by("at").first()
    assert proof["events"].oldest_left == left.at
    assert {row.kind for row in RetentionRun.objects.all()} == {kind.name for kind in retention.kinds()}
    assert AuditEvent.objects.filter(action="audit.purged", subject="retention:events").count() == 1


def test_a_day_is_done_once_and_the_next_day_again(ground):
    services.run_retention()
    first = RetentionRun.objects.count()
    assert services.run_retention() == 0
    assert RetentionRun.objects.count() == first
    with clock.at(clock.now() + timedelta(days=1)):
        services.run_retention()
    assert RetentionRun.objects.count() == 2 * first


def test_small_batches_and_a_run_that_was_cut_short_goes_on(ground):
    with days_ago(3):
        for number in range(7):
            Throttle.objects.create(scope="x", who=str(number), window_s=60, window_start=clock.now(), count=1)
    services.run_retention(batch=3, budget_s=0)
    (cut,) = audit.purges("throttles")
    assert (cut.removed, cut.finished, Throttle.objects.count()) == (3, False, 4)
    services.run_retention(batch=3)
    latest = audit.latest_purges()["throttles"]
    assert (latest.removed, latest.finished, latest.oldest_left) == (4, True, None)


def test_the_law_sets_a_least_that_no_policy_undercuts(ground):
    publish_rules("people.retention", {"days": {"access-log": 1}}, note="短", actor_ref="system:test")
    assert people.days_kept()["access-log"] == 180
    for age in (100, 200):
        with days_ago(age):
            record_access(
                kind="phone", subject=f"person:{age}", actor="person:a", basis="safety", reason="骑手失联需要回拨"
            )
    services.run_retention()
    assert [row.subject for row in AccessRecord.objects.all()] == ["person:100"]


def test_proof_cannot_be_changed(ground):
    services.run_retention()
    for change in (lambda: RetentionRun.objects.update(removed=0), lambda: RetentionRun.objects.all().delete()):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change()


def test_originals_of_ended_reports_go_and_the_copies_stay(
    db, tmp_path, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(get_config(), "media_dir", tmp_path / "media")
    places.forget()
    town = build_town()
    ended, running = reach(town, "fixed"), reach(town, "working")
    report = Report.objects.get(number=ended.number)
    with clock.at(clock.now() + timedelta(days=179)):
        services.run_retention()
    assert not Evidence.objects.filter(wrapped_key=None).exists()
    copies = sorted((tmp_path / "media" / "copies").rglob("*.webp"))
    with clock.at(clock.now() + timedelta(days=181)), django_capture_on_commit_callbacks(execute=True):
        services.run_retention()
        run_pending()
    gone = set(Evidence.objects.filter(wrapped_key=None).values_list("owner_ref", flat=True))
    assert gone == {report.ref}
    assert f"report:{running.public_id}" not in gone
    assert sorted((tmp_path / "media" / "copies").rglob("*.webp")) == copies
    places.forget()


def test_the_page_shows_policy_and_proof(ground):
    officer = build.staff(role="data_officer")
    client = Client()
    client.force_login(officer, backend=BACKEND)
    assert client.get(PAGE).content.decode().count("没有按时") == len(retention.kinds())
    with days_ago(31):
        publish("people.erased", "person:x")
    services.run_retention()
    page = client.get(PAGE)
    html = page.content.decode()
    assert "没有按时" not in html
    assert "内部事件" in html
    row = next(row for row in page.context["rows"] if row["name"] == "events")
    assert (row["days"], row["last"].removed) == (30, 1)
    only = client.get(PAGE, {"kind": "events"})
    assert {line["run"].kind for line in only.context["runs"]} == {"events"}
    clerk = Client()
    clerk.force_login(build.staff(username="clerk1", role="clerk"), backend=BACKEND)
    assert clerk.get(PAGE).status_code == 403


def test_nothing_is_kept_without_an_end_by_mistake(ground):
    """Tables that grow with every request each have a kind."""
    with days_ago(500):
        publish("people.erased", "person:x")
        Command.objects.bulk_create([_command()])
    person = build.rider()
    with days_ago(500):
        Notice.objects.create(person=person, template="report.fixed", sealed=b"x", key="k", created_at=clock.now())
    services.run_retention()
    assert (Event.objects.filter(ref="person:x").count(), Command.objects.count(), Notice.objects.count()) == (0, 0, 0)


def _command() -> Command:
    """Whatever its columns are called."""
    text = {field.name: "x" for field in Command._meta.fields if field.get_internal_type() == "CharField"}
    return Command(
        at=clock.now(),
        result=b"{}" if Command._meta.get_field("result").get_internal_type() == "BinaryField" else {},
        **text,
    )
