"""What the machine does a moment after a report is accepted: class and severity, place, unit, clocks, points.

Batch    many reports in one transaction with a fixed number of statements, whatever their number (tasks.py gives up to
         50 at a time). Only reports still in `received` are touched, so a repetition changes nothing.
Doubt    a report goes to a clerk when the machine is unsure of its class or no unit is found. A critical one rings a
         person in both cases.
Points   are paid at the dispatch; a report that waits for a clerk earns them when the clerk dispatches it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from qixia.audit.services import Act, record_many
from qixia.codes.queries import class_names, triage_classes
from qixia.jobs.registry import declare_event
from qixia.jobs.services import Happened, publish_many
from qixia.kernel import clock
from qixia.kernel.faults import kill_point
from qixia.kernel.geo import Point
from qixia.people.access import system_actor
from qixia.people.queries import Org, organisation_by_code
from qixia.places.queries import Location, locate
from qixia.places.rules import KINDS
from qixia.policy.queries import current
from qixia.reports import rules, states
from qixia.reports.models import Report, ReportStep
from qixia.reports.policy import RoutingRow
from qixia.reports.sealing import ANONYMOUS, IMPORTED, NONE, REPORTER, SEALED
from qixia.reports.services.alarms.ringing import ring
from qixia.reports.services.arriving.suspecting import signs_on
from qixia.reports.services.clocks.clocking import looked, reset_clocks, verify_due
from qixia.reports.services.duplicates.joining import MERGED, Joined, absorbed, merge_awards, raised_told
from qixia.reports.services.duplicates.seeking import Sought, seek, write_joins
from qixia.reports.services.telling import Tell, reporter_of, reporters_told, tell_many
from qixia.reports.services.units.asking import ask_listed
from qixia.rewards.queries import signals_of
from qixia.rewards.rules import Signal
from qixia.rewards.services import Award, award_many
from qixia.triage.services import Verdict, classify_many

DISPATCHED = declare_event("reports.dispatched")
SORTING = declare_event("reports.sorting")
RESOLVED = declare_event("reports.resolved")

SETTLER = system_actor("settle")
_EVENTS = {"settle": DISPATCHED, "doubt": SORTING, "settle_handled": RESOLVED, "settle_merged": MERGED}


@dataclass(slots=True)
class Settlement:
    """What was found out about one report. `report` already carries the new values."""

    report: Report
    step: str
    location: Location
    unit: Org | None
    why: str
    helpers: tuple[str, ...] = ()
    joined: Joined | None = None  # it goes on in an earlier report


@transaction.atomic
def settle(ids: Sequence[int]) -> list[Settlement]:
    """Settle accepted reports. Returns what was decided; reports in another state are left alone."""
    waiting = list(Report.objects.select_for_update(no_key=True).filter(pk__in=ids, state="received").order_by("pk"))
    if not waiting:
        return []
    now = clock.now()
    verdicts = classify_many([(report.words, report.hint or None) for report in waiting])
    settled = [_decide(report, verdict, now) for report, verdict in zip(waiting, verdicts, strict=True)]
    sought = _seek(settled, now)
    _pay(settled)
    kill_point("settle.paid")
    _write(settled)
    write_joins(sought, actor=SETTLER.ref, now=now)
    _write_history(settled, now)
    helped = [(one.report, one.helpers) for one in settled if one.step == "settle" and one.helpers]
    publish_many(_happened(one) for one in settled)
    rung = ring([one.report for one in settled if one.joined is None], now)
    tell_many(
        [
            *_reporters_told(settled),
            *rung,
            *ask_listed(helped, actor=SETTLER.ref, now=now),
            *(tell for one in settled if one.joined for tell in raised_told(one.joined)),
        ]
    )
    kill_point("settle.written")
    return settled


def _decide(report: Report, verdict: Verdict, now: datetime) -> Settlement:
    location = locate(Point(report.lat, report.lng))
    _note_place(report, location)
    _note_verdict(report, verdict)
    unit, row = _unit_for(report, location)
    why = _why(row, location)
    certain = verdict.is_certain and unit is not None
    step = "doubt" if not certain else "settle_handled" if report.self_handled else "settle"
    report.state = states.target(step, "received")
    report.unit_id = unit.id if unit else None
    report.route_reason = why
    if step == "settle":
        report.dispatched_at = now
    if step == "settle_handled":
        report.resolved_at = now
    _set(report, reset_clocks(report, unit=unit, place=_place(location)))
    if step == "settle_handled":
        report.verify_due = verify_due(report, now)
    _set(report, looked(report, now))
    return Settlement(report, step, location, unit, why, helpers=tuple(row.helpers))


def _seek(settled: Sequence[Settlement], now: datetime) -> list[Sought]:
    """Look for earlier reports of the same matter; what goes on in one of them is not dispatched."""
    sought = [Sought(one.report, may_merge=one.step == "settle") for one in settled]
    seek(sought, now)
    for one, found in zip(settled, sought, strict=True):
        if found.joined:
            one.step, one.joined, one.report.dispatched_at = "settle_merged", found.joined, None
            one.report.clock_at = None  # its lead has the clocks
    return sought


def _note_place(report: Report, location: Location) -> None:
    report.grid_code = location.grid_code or ""
    report.community_id = location.community.pk if location.community else None
    report.site_id = location.site.id if location.site else None
    parts = [report.building, report.floor, report.spot]
    report.place = rules.place_line(location.describe, parts)[:200]


def _note_verdict(report: Report, verdict: Verdict) -> None:
    report.cls = verdict.cls
    report.standard_code = verdict.standard_code
    report.severity = verdict.severity
    report.confidence = round(verdict.confidence, 3)
    report.runner_up = verdict.runner_up or ""
    report.finding = verdict.sentence
    report.evidence_words = [{"start": w.start, "end": w.end, "kind": w.kind} for w in verdict.words]
    report.rings = verdict.rings


def _unit_for(report: Report, location: Location) -> tuple[Org | None, RoutingRow]:
    classes = triage_classes()
    family = classes[report.cls].family if report.cls in classes else ""
    rows = current("reports.routing").data.rows
    route = rules.route(rows, cls=report.cls, family=family, place=_place(location))
    return organisation_by_code(route.unit), route.row


def _place(location: Location) -> rules.Place:
    return rules.Place(
        location.community.path if location.community else "", location.site.kind if location.site else ""
    )


def _set(report: Report, columns: Mapping[str, Any]) -> None:
    for name, value in columns.items():
        setattr(report, name, value)


def _why(row: RoutingRow, location: Location) -> str:
    """What in the row decided, in words for staff."""
    classes = triage_classes()
    parts = [
        classes[row.cls].name if row.cls in classes else row.cls or row.family or "",
        KINDS.get(row.site_kind or "", ""),
        location.community.name if row.division and location.community else "",
    ]
    return "、".join(part for part in parts if part) or "兜底"


_COLUMNS = (
    "state",
    "cls",
    "standard_code",
    "severity",
    "confidence",
    "runner_up",
    "finding",
    "evidence_words",
    "rings",
    "grid_code",
    "community_id",
    "site_id",
    "place",
    "unit_id",
    "route_reason",
    "receive_due",
    "resolve_due",
    "verify_due",
    "resolve_limit",
    "verify_limit",
    "overdue",
    "clock_at",
    "dispatched_at",
    "resolved_at",
    "points",
    "merged_into_id",
    "recurs_id",
)


def _write(settled: Sequence[Settlement]) -> None:
    """One prepared UPDATE, sent for all reports together. Django's bulk_update would build a CASE of n × 21 parts."""
    fields = [Report._meta.get_field(name.removesuffix("_id") if name in _FOREIGN else name) for name in _COLUMNS]
    assignments = ", ".join(f"{name} = %s" for name in _COLUMNS)
    rows = [[*(_db_value(field, one.report) for field in fields), one.report.pk] for one in settled]
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE reports_report SET {assignments} WHERE id = %s AND state = 'received'", rows)


_FOREIGN = ("community_id", "site_id", "unit_id", "merged_into_id", "recurs_id")


def _db_value(field: Any, report: Report) -> Any:
    return field.get_db_prep_save(getattr(report, field.attname), connection)


def _write_history(settled: Sequence[Settlement], now: datetime) -> None:
    rows = []
    for one in settled:
        report = one.report
        rows.append(
            ReportStep(
                report=report,
                at=report.received_at,
                step="raise",
                before="",
                after="received",
                actor=_raised_by(report),
            )
        )
        rows.append(
            ReportStep(
                report=report,
                at=now,
                step=one.step,
                before="received",
                after=report.state,
                actor=SETTLER.ref,
                by=one.unit.name if one.unit and one.step == "settle" else "",
                text=report.finding,
                data={"unit": one.unit.code if one.unit else "", "why": one.why, "points": report.points}
                | ({"into": one.joined.lead.public_id} if one.joined else {}),
            )
        )
    joins = [one.joined for one in settled if one.joined]
    rows += [_absorbed(one, now) for one in joins]
    ReportStep.objects.bulk_create(rows)
    acts = [
        Act(
            f"reports.{one.step}",
            one.report.ref,
            SETTLER.ref,
            {"cls": one.report.cls, "severity": one.report.severity, "unit": one.unit.code if one.unit else ""},
        )
        for one in settled
    ]
    record_many(acts + [Act("reports.absorb", one.lead.ref, SETTLER.ref, {"report": one.report.ref}) for one in joins])


def _absorbed(one: Joined, now: datetime) -> ReportStep:
    """What the lead's history says of it."""
    lead = one.lead
    return ReportStep(
        report=lead,
        at=now,
        step="absorb",
        before=lead.state,
        after=lead.state,
        actor=SETTLER.ref,
        data=absorbed(one),
    )


def _raised_by(report: Report) -> str:
    return {SEALED: REPORTER, NONE: IMPORTED}.get(report.secrecy, ANONYMOUS)


def _pay(settled: Sequence[Settlement]) -> None:
    """Pay the dispatched reports; note on each what it earned. What is held or owed counts as earned there: staff must not
    read from it that somebody looks first."""
    paid = [one.report for one in settled if one.step in ("settle", "settle_handled")]
    paths = {one.report.pk: one.location.community.path for one in settled if one.location.community}
    signs = signs_on(paid)
    awards = [
        (report, dispatch_award(report, path=paths.get(report.pk, ""), signals=signs.get(report.pk, ())))
        for report in paid
        if report.secrecy == SEALED
    ]
    awards += merge_awards(one.joined for one in settled if one.joined)
    postings = award_many([award for _report, award in awards])
    for (report, _award), posting in zip(awards, postings, strict=True):
        report.points = posting.points or posting.promised


def pay_dispatch(report: Report, *, occasion: str = "") -> int:
    """Award what the report is worth to its reporter, once an occasion. Returns the points, also those that wait."""
    path = report.community.path if report.community else ""
    signals = signs_on([report]).get(report.pk, ()) or (signals_of(report.ref) if occasion else ())
    (posting,) = award_many([dispatch_award(report, occasion=occasion, path=path, signals=signals)])
    return posting.points or posting.promised


def dispatch_award(report: Report, *, occasion: str = "", path: str = "", signals: tuple[Signal, ...] = ()) -> Award:
    return Award(
        beneficiary=f"person:{reporter_of(report)}",
        rule=report.cls,
        source=report.ref,
        act="reports.dispatched",
        actor=SETTLER.ref,
        params={"number": report.number, "place": report.place, "link": f"/r/{report.public_id}/"},
        occasion=occasion,
        quality=rules.quality_of(report.place_source, report.words),
        path=path,
        signals=signals,
    )


def _happened(one: Settlement) -> Happened:
    report = one.report
    payload = {"number": report.number, "cls": report.cls, "severity": report.severity}
    return Happened(_EVENTS[one.step], report.ref, payload | {"unit": one.unit.code if one.unit else ""})


def _reporters_told(settled: Sequence[Settlement]) -> list[Tell]:
    return reporters_told(
        (
            one.report,
            "report.merged" if one.joined else "report.dispatched",
            "merged" if one.joined else "dispatched",
            {"unit": one.unit.name if one.unit else "", "matter": class_names(one.report.cls)},
        )
        for one in settled
        if one.step in ("settle", "settle_merged")
    )
