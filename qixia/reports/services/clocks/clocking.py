"""The columns of a report's clocks: worked out in memory, written with the step that moves them.

Who      settle, sort and redirect ask `reset_clocks` for the limits of a report; `take_step` asks `moved` what its step
         does to the clocks. Nothing here is a step.
Truth    `resolve_due` and `verify_due` say when a limit ends; `resolve_limit` and `verify_limit` what was given, and so
         how time is counted. `clock_at` is when reminding.py must look next; whoever moves a limit sets it to now.
Cost     no query for a report that was never paused; settling fifty costs no more statements than settling five.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db.models import Min
from django.db.models.expressions import BaseExpression

from qixia.codes.queries import triage_classes
from qixia.kernel.worktime import Unit, WorkCalendar, span
from qixia.people.queries import Org
from qixia.policy.queries import current, working_calendar
from qixia.reports import clocks, rules
from qixia.reports.clocks import Look, Pause, Run
from qixia.reports.models import ClockPause, Report
from qixia.reports.queries.pauses import pause_end

# What a person says to the reporter stops the clock of the first answer, whoever of the staff says it.
ANSWERS = frozenset({"answer", "arrive", "inspect", "resolve", "promise", "answer_for", "reject", "set_aside"})


def reset_clocks(
    report: Report,
    *,
    unit: Org | None,
    place: rules.Place | None = None,
    cls: str | None = None,
    severity: str | None = None,
    given: datetime | None = None,
) -> dict[str, Any]:
    """The columns of the limits that the rows give `report` with this unit, class and severity. They are counted from
    where the clock started: another unit gets no new time. Only receiving is the unit's own: counted from when
    it was `given` the report, or from the receipt."""
    name, level = cls or report.cls, severity or report.severity
    known = triage_classes().get(name)
    found = clocks.due(
        current("reports.limits").data,
        working_calendar().work,
        cls=name,
        family=known.family if known else "",
        severity=level,
        place=place or place_of(report),
        unit_kind=unit.kind if unit else "",
        start=report.received_at,
    )
    resolve = found.resolve
    if report.resolve_from:
        resolve = working_calendar().work.add(report.resolve_from, found.terms.resolve)
    return {
        "receive_due": working_calendar().work.add(given, found.terms.receive) if given else found.receive,
        "resolve_due": resolve,
        "resolve_limit": str(found.terms.resolve),
        "verify_limit": str(found.terms.verify),
    }


def place_of(report: Report) -> rules.Place:
    return rules.Place(
        report.community.path if report.community else "", report.site.kind if report.site_id and report.site else ""
    )


def verify_due(report: Report, start: datetime) -> datetime:
    """When what is called done at `start` must have been looked at."""
    limit = report.verify_limit or str(reset_clocks(report, unit=None)["verify_limit"])
    return working_calendar().work.add(start, span(limit))


# ── what a step does to the clocks ────────────────────────────────────────────


def moved(report: Report, columns: dict[str, Any], step: str, now: datetime) -> dict[str, Any]:
    """The columns of the clocks after a step that writes `columns`. Ends a pause whose clock no longer runs."""
    before, after = report.state, columns.get("state", report.state)
    more: dict[str, Any] = {}
    if step in ANSWERS and report.answered_at is None and "answered_at" not in columns:
        more["answered_at"] = now
    if before != after:
        more |= _started(report, after, now)
        if report.paused_at and _clock_in(after) != _clock_in(before):
            more = unpaused(report, now) | more
    return more | looked(changed(report, more | columns), now)


def unpaused(report: Report, now: datetime) -> dict[str, Any]:
    """End the pause that is going on, and move the limit by what it took."""
    pause = ClockPause.objects.filter(report_id=report.pk, ended_at=None).first()
    if pause is None:
        return {"paused_at": None, "pause_until": None}
    ClockPause.objects.filter(pk=pause.pk).update(ended_at=now)
    limit = report.resolve_limit if pause.clock == "resolve" else report.verify_limit
    name = f"{pause.clock}_due"
    unit: Unit = span(limit).unit if limit else "m"
    moved_to = clocks.after_pause(working_calendar().work, getattr(report, name), Pause(pause.started_at, now), unit)
    return {"paused_at": None, "pause_until": None, name: moved_to}


def earliest_clocks(report: Report, *, receive: datetime, resolve: datetime) -> dict[str, datetime]:
    """The columns of clocks that are counted anew for a case: never later than those of what is merged into it."""
    rows = Report.objects.filter(merged_into=report).aggregate(receive=Min("receive_due"), resolve=Min("resolve_due"))
    return {
        "receive_due": min(receive, rows["receive"] or receive),
        "resolve_due": min(resolve, rows["resolve"] or resolve),
    }


def rerouted(report: Report, unit: Org, now: datetime) -> dict[str, Any]:
    """The limits of a report that goes to another unit: receiving begins anew, with its reminders; the others run on.
    What was paused, extended or promised stays as it is."""
    found = reset_clocks(report, unit=unit, given=now)
    if report.shifted or report.promised_due:
        found = {"receive_due": found["receive_due"]}
    else:
        receive, resolve = found["receive_due"], found["resolve_due"]
        found |= earliest_clocks(report, receive=receive, resolve=resolve) | {"receive_due": receive}
    return found | {"receive_round": report.receive_round + 1}


def _started(report: Report, after: str, now: datetime) -> dict[str, Any]:
    """A clock that starts anew: of resolving when a case is opened again, of verifying when it is called done."""
    if after == "reopened":
        limit = report.resolve_limit or str(reset_clocks(report, unit=None)["resolve_limit"])
        due = working_calendar().work.add(now, span(limit))
        return {
            "resolve_from": now,
            "resolve_limit": limit,
            "resolve_due": due,
            "clock_round": report.clock_round + 1,
        }
    return {"clock_round": report.clock_round + 1} if after == "resolved" else {}


def _clock_in(state: str) -> str:
    return "resolve" if state in clocks.RESOLVING else "verify" if state in clocks.VERIFYING else ""


def changed(report: Report, columns: dict[str, Any]) -> Report:
    """The report as it will be. What only the database can work out is left as it was: no clock depends on it."""
    found = copy.copy(report)
    for name, value in columns.items():
        if not isinstance(value, BaseExpression) and hasattr(found, name):
            setattr(found, name, value)
    return found


def looked(report: Report, now: datetime) -> dict[str, Any]:
    """Mark and next look of a report as it stands. The mark of a clock that stands still is that of when it stopped."""
    runs = [replace(run, is_paused=False) for run in runs_of(report)]
    at = now if report.paused_at is None else min(report.paused_at, now)
    return {
        "overdue": clocks.lateness(_looks(runs), at),
        "clock_at": next_look(report, looks_of(report), now),
    }


def next_look(report: Report, found: Iterable[Look], now: datetime) -> datetime | None:
    """When to look again: at the next moment of a clock, or when one has stood still for as long as it may."""
    moment, end = clocks.next_look(found, now), pause_end(report)
    return moment if end is None else min(moment or end, max(end, now))


def looks_of(report: Report) -> list[Look]:
    return _looks(runs_of(report))


def _looks(runs: Iterable[Run]) -> list[Look]:
    return clocks.looks(working_calendar().work, runs, current("reports.reminders").data.rows)


def runs_of(report: Report) -> list[Run]:
    """The clocks of a report that run in the state it is in."""
    state, found = report.state, []
    if state in clocks.UNANSWERED and report.answered_at is None:
        found.append(Run("answer", report.received_at, report.answer_due))
    if state in ("dispatched", "reopened") and report.accepted_at is None and report.receive_due:
        begun = min(report.dispatched_at or report.received_at, report.receive_due)
        found.append(Run("receive", begun, report.receive_due, round=report.receive_round))
    if state in clocks.RESOLVING and report.resolve_due:
        found.append(_run(report, "resolve", report.resolve_from or report.received_at, report.resolve_due))
    if state in clocks.VERIFYING and report.verify_due and report.resolved_at:
        found.append(_run(report, "verify", report.resolved_at, report.verify_due))
    return found


def _run(report: Report, clock: clocks.ClockName, start: datetime, due: datetime) -> Run:
    limit = report.resolve_limit if clock == "resolve" else report.verify_limit
    return Run(
        clock,
        min(start, due),
        due,
        span(limit).unit if limit else "m",
        tuple(pauses_of(report, clock)),
        report.paused_at is not None,
        report.clock_round,
    )


def pauses_of(report: Report, clock: str) -> Sequence[Pause]:
    """The pauses of one clock that have ended, in order; no query for a report without any."""
    if not report.shifted:
        return ()
    rows = ClockPause.objects.filter(report_id=report.pk, clock=clock, ended_at__isnull=False).order_by(
        "started_at", "pk"
    )
    return [Pause(*row) for row in rows.values_list("started_at", "ended_at")]


def calendar_as_data(calendar: WorkCalendar) -> dict[str, Any]:
    """A calendar as a row keeps it."""
    return {
        "days": {str(day): worked for day, worked in calendar.days.items()},
        "hours": [list(h) for h in calendar.hours],
    }
