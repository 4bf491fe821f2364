"""What becomes of open reports when the working calendar changes: their limits are worked out anew, and history says so.

Which    limits in working time of clocks that have not ended. What runs by the wall clock, the first answer first of all,
         knows no calendar. Other limits (rule reports.limits) hold for what comes in later: a promise that was made stands.
How      in the order of the keys, so many at a time, each batch one transaction with how far it came; a run that is killed
         goes on where it was, by the calendar that it began with; a change meanwhile is another run. The row keeps both
         calendars, so that the time which a limit holds is measured by the one that gave it.
First    an installation of before limits had units: the first run takes over what is open as it is, tells nobody of what
         has passed, and lets the clocks run from there.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

from django.db import transaction

from qixia.audit.services import Act, record_many
from qixia.kernel import clock
from qixia.kernel.worktime import WorkCalendar, span
from qixia.people.access import system_actor
from qixia.people.queries import people_with_roles
from qixia.policy.queries import missing_years, working_calendar
from qixia.policy.services import fill_calendar
from qixia.reports import clocks, states
from qixia.reports.models import ClockRun, Report, ReportStep
from qixia.reports.services.clocks.clocking import calendar_as_data, changed, looked, runs_of
from qixia.reports.services.clocks.reminding import adopt
from qixia.reports.services.telling import Tell, tell_many

RECKONER = system_actor("calendar")
BATCH = 200


def recalculate(*, limit: int = BATCH) -> int:
    """Let open reports follow the calendar as it is now. Returns how many were looked at; 0: all follow it."""
    now, calendar = clock.now(), working_calendar()
    with transaction.atomic():
        ClockRun.objects.get_or_create(pk=1)
        run = ClockRun.objects.select_for_update().get(pk=1)
        if run.stamp == calendar.stamp:
            return 0
        if not run.target:
            run.target, run.after = calendar.stamp, 0
            run.calendar = {"old": run.calendar.get("new"), "new": calendar_as_data(calendar.work)}
        rows = Report.objects.select_for_update(no_key=True, of=("self",)).select_related("community", "site", "unit")
        found = list(rows.filter(state__in=states.OPEN, pk__gt=run.after).order_by("pk")[:limit])
        _follow(found, run, now)
        if len(found) < limit:
            run.stamp, run.target, run.after = run.target, "", 0
        else:
            run.after = found[-1].pk
        run.save()
    return len(found)


def watch_calendar() -> list[int]:
    """Enter the holidays that are known by now, and tell the administrators, once a month, of a year that is missing
    and comes within the months of the rule. Returns the years that are missing."""
    today = clock.city_date(clock.now())
    fill_calendar(today, actor_ref=RECKONER.ref)
    missing = missing_years(today)
    tell_many(
        Tell(
            person,
            "calendar.missing",
            {"text": str(year)},
            f"/desk/calendar/?year={year}",
            key=f"calendar:{year}:{today:%Y-%m}:{person}",
        )
        for year in missing
        for person in people_with_roles("admin")
    )
    return missing


def _follow(found: list[Report], run: ClockRun, now: datetime) -> None:
    old, new = (_calendar(run.calendar[name]) for name in ("old", "new"))
    steps, acts = [], []
    for report in found:
        if not report.resolve_limit or old is None or new is None:
            if report.clock_at is None:
                adopt(report, now)
            continue
        columns = _columns(report, old, new)
        if not columns:
            continue
        data = {name: [getattr(report, name).isoformat(), value.isoformat()] for name, value in columns.items()}
        columns |= looked(changed(report, columns), now)
        Report.objects.filter(pk=report.pk).update(**columns)
        steps.append(_step(report, now, data))
        acts.append(Act("reports.recalculate", report.ref, RECKONER.ref, {"stamp": run.target}))
    ReportStep.objects.bulk_create(steps)
    record_many(acts)


def _columns(report: Report, old: WorkCalendar, new: WorkCalendar) -> dict[str, Any]:
    """The limits of the clocks that run and end at another moment now. A day that the unit promised stays that day."""
    found = {}
    for one in runs_of(report):
        if one.clock == "resolve" and report.promised_due is not None and one.due == report.promised_due:
            continue
        limit = report.resolve_limit if one.clock == "resolve" else report.verify_limit
        if one.clock in ("resolve", "verify") and limit:
            due = clocks.remeasured(old, new, replace(one, is_paused=False), span(limit))
            if due != one.due:
                found[f"{one.clock}_due"] = due
    return found


def _step(report: Report, now: datetime, data: dict[str, Any]) -> ReportStep:
    return ReportStep(
        report=report,
        at=now,
        step="recalculate",
        before=report.state,
        after=report.state,
        actor=RECKONER.ref,
        data=data,
    )


def _calendar(data: dict[str, Any] | None) -> WorkCalendar | None:
    if not data:
        return None
    days = {date.fromisoformat(day): worked for day, worked in data["days"].items()}
    return WorkCalendar(days, tuple((opens, closes) for opens, closes in data["hours"]))
