"""Who is told that a limit comes near or is over, what is marked, and what goes up the tree of divisions.

Work     a job looks at the reports whose `clock_at` has come, oldest first, so many at a time (an index serves it, and
         leaves alone what is in time). Each is one transaction: rows, marks, notices, history. One that fails leaves
         nothing, is logged, and is looked at again later: it stops no other.
Order    the row of the whole is locked before a part's, as everywhere.
Once     a ClockNote for each moment of each run of a clock; the row is written with what it stands for, so a worker that
         is killed repeats nothing and leaves nothing out.
Late     where nobody looked in time (the worker stood still), what was to come before the limit is left out once the limit
         is over; what follows it is told. and every level that it should have gone up to.
Up       escalate n: the n-th level of divisions, from the place upwards, that has supervisors; above the highest, that
         one; where there are none, the clerks of the place.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.db import transaction

from qixia.codes.queries import class_names
from qixia.kernel import clock
from qixia.kernel.faults import kill_point
from qixia.people.access import system_actor
from qixia.policy.queries import current
from qixia.reports import clocks, states
from qixia.reports.clocks import Look
from qixia.reports.models import ClockNote, Report
from qixia.reports.policy import ReminderRow
from qixia.reports.services.clocks.clocking import looked, looks_of, next_look
from qixia.reports.services.clocks.pausing import run_on
from qixia.reports.services.moves import take_step
from qixia.reports.services.telling import Tell, clerks_told, level_told, tell_many, unit_told

REMINDER = system_actor("clock")
BATCH = 200
AGAIN = timedelta(minutes=15)  # after a look that failed
log = logging.getLogger("qixia.reports")


def remind(*, limit: int = BATCH) -> int:
    """Look at the clocks whose time has come. Returns how many reports; `limit` of them means that there may be more."""
    now = clock.now()
    due = Report.objects.filter(clock_at__lte=now).order_by("clock_at", "pk")
    found = list(due.values_list("pk", "part_of")[:limit])
    for pk, whole in found:
        try:
            with transaction.atomic():
                _look_at(pk, whole, now)
        except Exception:
            # Oldest first: without this one such report would be in front of the whole city for ever.
            log.exception("the clocks of a report could not be looked at", extra={"report": pk})
            Report.objects.filter(pk=pk, clock_at__lte=now).update(clock_at=now + AGAIN)
    return len(found)


def _look_at(pk: int, whole: int | None, now: datetime) -> None:
    rows = Report.objects.select_for_update(no_key=True, of=("self",), skip_locked=True)
    if whole is not None and not rows.filter(pk=whole).values_list("pk", flat=True).first():
        return  # somebody works on it; the next run looks again
    report = rows.select_related("unit", "community", "site").filter(pk=pk, clock_at__lte=now).first()
    if report is not None:
        _look(report, now, tell=True)
        kill_point("clocks.looked")


def adopt(report: Report, now: datetime) -> None:
    """Take the clocks of a report over that nobody watched before: marks are set, what has passed is told to nobody."""
    _look(report, now, tell=False)


def _look(report: Report, now: datetime, *, tell: bool) -> None:
    if report.state not in states.OPEN:
        Report.objects.filter(pk=report.pk).update(clock_at=None, overdue=0)
        return
    run_on(report, now, actor=REMINDER)
    reached = [one for one in looks_of(report) if one.moment <= now]
    fresh = _fresh(report, reached)
    over = {one.clock for one in reached if one.at >= clocks.OVER}
    stale = {one for one in fresh if one.at < clocks.OVER and one.clock in over}
    ClockNote.objects.bulk_create(
        ClockNote(
            report=report, clock=one.clock, at=one.at, round=one.round, noted_at=now, told=tell and one not in stale
        )
        for one in fresh
    )
    if tell:
        _tell(report, fresh, stale)
    columns = looked(report, now)
    later = [one for one in looks_of(report) if one.moment > now]
    columns["clock_at"] = next_look(report, later, now)
    Report.objects.filter(pk=report.pk).update(**columns)


def _fresh(report: Report, reached: Iterable[Look]) -> list[Look]:
    """Those moments that were not dealt with yet."""
    rows = ClockNote.objects.filter(report=report).values_list("clock", "at", "round")
    done = set(rows)
    return [one for one in reached if (one.clock, one.at, one.round) not in done]


def _tell(report: Report, fresh: Iterable[Look], stale: Collection[Look]) -> None:
    rows = {(row.clock, row.at): row for row in current("reports.reminders").data.rows}
    told: dict[str, Tell] = {}
    # The latest first: who is told of 200 needs not be told of 100 as well.
    for one in sorted(fresh, key=lambda look: look.at, reverse=True):
        row = rows.get((one.clock, one.at))
        if row is None:
            continue
        for tell in () if one in stale else _notices(report, row, one):
            told.setdefault(f"{tell.person_id}:{one.clock}", tell)
        if row.escalate:
            _escalate(report, row, one, told)
    tell_many(told.values())


def _notices(report: Report, row: ReminderRow, one: Look) -> list[Tell]:
    template = f"clock.{one.clock}_{'over' if one.at >= clocks.OVER else 'soon'}"
    key, matter = f"clock:{one.clock}:{one.round}:{one.at}", class_names(report.cls)
    told = unit_told(report, template, key, matter=matter) if "unit" in row.tell else []
    return told + (clerks_told(report, template, key, matter=matter) if "clerk" in row.tell else [])


def _escalate(report: Report, row: ReminderRow, one: Look, told: dict[str, Tell]) -> None:
    key = f"escalated:{one.clock}:{one.round}:{one.at}"
    unit = report.unit.name if report.unit else ""
    found = level_told(report, row.escalate, "clock.escalated", key, matter=class_names(report.cls), unit=unit)
    data = {"clock": one.clock, "at": one.at, "level": row.escalate, "told": len(found)}
    take_step(report, "escalate", actor=REMINDER, data=data)
    for tell in found:
        told[f"{tell.person_id}:{one.clock}"] = tell
