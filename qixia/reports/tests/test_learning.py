"""What reports give triage to learn from: corrections in the clerk's own transaction, and settled reports on request."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qixia.codes.models import Division
from qixia.jobs.registry import EventView
from qixia.kernel import clock
from qixia.people import services as people
from qixia.people.access import actor_for
from qixia.reports import errors, services, tasks
from qixia.reports.models import Report
from qixia.reports.queries.settled import SettledReports
from qixia.reports.tests.town import MAKER, accepted, reach, send, the
from qixia.triage import settled
from qixia.triage.models import Correction
from qixia.triage.services.training import collect

WORDS = "这个"


def sort(town, receipt, cls="manhole", severity="high"):
    services.sort(actor=town.clerk, public_id=receipt.public_id, cls=cls, severity=severity, unit_code="shizheng")


def whole() -> tuple:
    return clock.now() - timedelta(days=30), clock.now() + timedelta(minutes=1)


def test_sorting_is_a_correction_with_what_the_machine_had_said(town):
    receipt = reach(town, "sorting")
    before = the(receipt)
    sort(town, receipt)
    row = Correction.objects.get()
    assert (row.ref, row.cls, row.severity) == (before.ref, "manhole", "high")
    assert (row.was_cls, row.was_severity, row.model) == (before.cls, before.severity, "shipped")
    lessons = collect()
    assert [example.text for example in [*lessons.learn, *lessons.held_out]] == [before.words]


def test_agreeing_is_an_example_too(town):
    receipt = reach(town, "sorting")
    before = the(receipt)
    sort(town, receipt, before.cls, before.severity)
    row = Correction.objects.get()
    assert (row.cls, row.severity) == (row.was_cls, row.was_severity)


def test_a_refused_sort_teaches_nothing(town):
    receipt = reach(town, "sorting")
    with pytest.raises(errors.UnknownClass):
        sort(town, receipt, cls="no-such-class")
    other = reach(town, "dispatched")
    with pytest.raises(errors.StepNotAllowed):
        sort(town, other)
    assert not Correction.objects.exists()


def test_who_loses_the_race_teaches_nothing(town, monkeypatch):
    receipt = reach(town, "sorting")
    from_before = the(receipt)
    monkeypatch.setattr("qixia.reports.access.case", lambda actor, public_id: from_before)
    Report.objects.filter(pk=from_before.pk).update(state="dispatched")
    with pytest.raises(errors.SomebodyWasFaster):
        sort(town, receipt)
    assert not Correction.objects.exists()


def test_erasure_takes_the_words_of_that_rider_only(town):
    mine, other = send(town.rider, WORDS), send(town.other_rider, WORDS)
    for receipt in (mine, other):
        sort(town, receipt)
    assert services.forget_learnt_words(public_id=town.rider.public_id) == 1
    left = Correction.objects.filter(sealed_words__isnull=False).values_list("ref", flat=True)
    assert list(left) == [the(other).ref]


def test_the_erased_event_reaches_the_corrections(town):
    sort(town, send(town.rider, WORDS))
    tasks.forget_learnt_words(EventView("event-1", "people.erased", town.rider.ref))
    assert not Correction.objects.filter(sealed_words__isnull=False).exists()


# ── settled reports ───────────────────────────────────────────────────────────


def test_reports_registered_their_source():
    assert isinstance(settled.source(), SettledReports)


def test_a_walk_by_cursor_meets_every_settled_report_once(town):
    for n in range(5):
        send(town.rider, f"井盖没了 {n}")
    accepted(town.rider)  # not settled yet
    since, until = whole()
    found, after = [], ""
    while batch := SettledReports().batch(since, until, after=after, limit=2):
        found += [row.text for row in batch]
        after = batch[-1].cursor
    assert found == [f"井盖没了 {n}" for n in range(5)]
    assert SettledReports().count(since, until) == 5
    assert SettledReports().count(until, until + timedelta(days=1)) == 0


def test_reports_of_one_moment_are_not_lost_between_batches(town):
    for n in range(4):
        send(town.rider, f"井盖没了 {n}")
    Report.objects.update(received_at=clock.now())
    since, until = whole()
    first = SettledReports().batch(since, until, after="", limit=3)
    rest = SettledReports().batch(since, until, after=first[-1].cursor, limit=3)
    assert len({row.ref for row in [*first, *rest]}) == 4


@pytest.mark.parametrize(
    ("state", "decided"),
    [("dispatched", ""), ("resolved", ""), ("confirming", "verified"), ("fixed", "verified"), ("invalid", "")],
)
def test_who_stands_for_a_class(town, state, decided):
    reach(town, state)
    (row,) = SettledReports().batch(*whole(), after="", limit=9)
    assert row.decided == decided


def test_a_clerk_who_sorted_stands_for_it(town):
    receipt = reach(town, "sorting")
    sort(town, receipt)
    (row,) = SettledReports().batch(*whole(), after="", limit=9)
    assert (row.decided, row.cls, row.severity) == ("person", "manhole", "high")


def test_a_batch_and_the_weeks_cost_the_same_however_many(town, django_assert_num_queries):
    since, until = whole()
    monday = clock.city_date(clock.now()) - timedelta(days=clock.city_date(clock.now()).weekday())
    for n in range(3):
        send(town.rider, f"井盖没了 {n}")
    with django_assert_num_queries(3):
        SettledReports().batch(since, until, after="", limit=9)
        SettledReports().weeks([monday - timedelta(weeks=1), monday])


def test_weeks_count_what_came_and_what_a_clerk_had_to_look_at(town):
    now = clock.now()
    monday = clock.city_date(now) - timedelta(days=clock.city_date(now).weekday())
    for words in ("井盖没了", "井盖没了，人能掉下去", WORDS):
        send(town.rider, words)
    last, here = SettledReports().weeks([monday - timedelta(weeks=1), monday])
    assert (last.settled, last.doubted, last.confidence, last.classes) == (0, 0, None, {})
    assert here.settled == 3
    assert here.doubted == Report.objects.filter(state="sorting").count() >= 1
    assert here.classes["manhole"] == 2
    sure = [report.confidence for report in Report.objects.all()]
    assert here.confidence == pytest.approx(sum(sure) / 3)


def test_only_who_may_see_a_case_sees_it_in_the_list(town):
    report = the(reach(town, "dispatched"))
    elsewhere = Division.objects.create(
        code="990103001001", name="别处", level="community", path="990000/990103/990103001001/"
    )
    person = people.create_person(display_name="远方", username="yuanfang", actor=MAKER)
    office = next(grant.organisation_id for grant in town.clerk.grants)
    people.grant_role(person_id=person.pk, role="clerk", organisation_id=office, division_id=elsewhere.pk, actor=MAKER)
    source = SettledReports()
    refs = [report.ref, "report:unknown", "nonsense"]
    for actor in (town.clerk, town.admin, town.worker):
        (shown,) = source.shown(actor, refs).values()
        assert (shown.number, shown.place) == (report.number, report.place)
        assert report.public_id in shown.url
    for actor in (actor_for(person), town.cleaner, town.rider, town.other_rider):
        assert source.shown(actor, refs) == {}
