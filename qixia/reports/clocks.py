"""The four clocks of a report, without a database: receive, first answer, resolve, verify.

Answer   24 hours of the wall clock from the server's receipt, for every report: in no rule, never paused, never moved.
Limits   rows; the most special one that names a limit says it. A critical case comes before all: a row of a class with a
         leisurely limit never slows what endangers somebody.
Due      when a limit ends is a column of the report, and the truth: a merge may make it earlier, an extension later, a
         promise names another day. What is given in working time is measured in working time.
Moments  `moment(run, at)` is when `at` hundredths of a clock have passed. A pause moves every moment after its start by
         exactly the time that it took, counted as the limit counts.
Changed  in another calendar the limit holds as much working time as before (`remeasured`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from qixia.kernel.worktime import Span, Unit, WorkCalendar, span
from qixia.reports.policy import LimitRow, Limits, ReminderRow
from qixia.reports.rules import ANSWER_LIMIT, Place

ClockName = Literal["receive", "answer", "resolve", "verify"]
OVER, THRICE = 100, 300
ANSWER_SPAN = Span(24, "h")
# In which states a clock runs. `returned` and `split`: somebody still has to act, and the reporter still waits.
RESOLVING: frozenset[str] = frozenset({"dispatched", "accepted", "working", "reopened", "returned", "split"})
VERIFYING: frozenset[str] = frozenset({"resolved"})
UNANSWERED: frozenset[str] = frozenset({"sorting", "confirming", *RESOLVING, *VERIFYING})


@dataclass(frozen=True, slots=True)
class Terms:
    """The limits of one report."""

    receive: Span
    resolve: Span
    verify: Span


@dataclass(frozen=True, slots=True)
class Due:
    """When each step must have happened, counted from `start`; verifying starts later (`terms.verify`)."""

    receive: datetime
    answer: datetime
    resolve: datetime
    terms: Terms


def terms(limits: Limits, *, cls: str, severity: str, place: Place, unit_kind: str = "", family: str = "") -> Terms:
    """What the rows give a report."""
    fitting = [row for row in limits.rows if _fits(row, cls, family, severity, place, unit_kind)]
    fitting.sort(key=lambda row: _speciality(row, place), reverse=True)
    return Terms(*(span(_first(fitting, name)) for name in ("receive", "resolve", "verify")))


def due(
    limits: Limits,
    calendar: WorkCalendar,
    *,
    cls: str,
    severity: str,
    place: Place,
    start: datetime,
    unit_kind: str = "",
    family: str = "",
) -> Due:
    """The limits of a report that came in at `start`."""
    given = terms(limits, cls=cls, severity=severity, place=place, unit_kind=unit_kind, family=family)
    return Due(
        receive=calendar.add(start, given.receive),
        answer=start + ANSWER_LIMIT,
        resolve=calendar.add(start, given.resolve),
        terms=given,
    )


def _fits(row: LimitRow, cls: str, family: str, severity: str, place: Place, unit_kind: str) -> bool:
    return (
        row.cls in (None, cls)
        and row.family in (None, family)
        and row.severity in (None, severity)
        and row.site_kind in (None, place.site_kind)
        and row.unit_kind in (None, unit_kind)
        and (row.division is None or row.division in place.division_path.split("/"))
    )


def _speciality(row: LimitRow, place: Place) -> tuple[bool | int, ...]:
    depth = place.division_path.split("/").index(row.division) + 1 if row.division else 0
    return (
        row.severity == "critical",
        row.cls is not None,
        row.family is not None,
        row.severity is not None,
        row.site_kind is not None,
        row.unit_kind is not None,
        depth,
    )


def _first(rows: Iterable[LimitRow], name: str) -> str:
    return next(text for row in rows if (text := getattr(row, name)) is not None)


# ── moments ───────────────────────────────────────────────────────────────────


class Pause(NamedTuple):
    """A time in which a clock stood still; without an end it still does."""

    start: datetime
    end: datetime | None


@dataclass(frozen=True, slots=True)
class Run:
    """One clock that runs: from when to when, and how its time is counted."""

    clock: ClockName
    start: datetime
    due: datetime
    unit: Unit = "m"
    pauses: tuple[Pause, ...] = ()
    is_paused: bool = False
    round: int = 0


def moment(calendar: WorkCalendar, run: Run, at: int = OVER) -> datetime:
    """When `at` hundredths of the limit of `run` have passed."""
    if at == OVER:
        return run.due
    found = calendar.add_like(run.start, _length(calendar, run) * at / 100, run.unit)
    for pause, stood in _stood(calendar, run):
        if pause.start < found:
            found = calendar.add_like(found, stood, run.unit)
    return found


def _length(calendar: WorkCalendar, run: Run) -> timedelta:
    """The limit without the pauses that have moved its end."""
    whole = calendar.between_like(run.start, run.due, run.unit)
    return whole - sum((stood for pause, stood in _stood(calendar, run) if pause.start < run.due), timedelta())


def _stood(calendar: WorkCalendar, run: Run) -> list[tuple[Pause, timedelta]]:
    """The pauses of this run of the clock, in order, each with the time that it took."""
    ended = [
        (max(pause.start, run.start), pause.end) for pause in sorted(run.pauses, key=lambda one: one.start) if pause.end
    ]
    return [(Pause(start, end), calendar.between_like(start, end, run.unit)) for start, end in ended if end > run.start]


def after_pause(calendar: WorkCalendar, due: datetime, pause: Pause, unit: Unit) -> datetime:
    """Where a limit ends after a pause: later by exactly the time that it took; one that was over stays over."""
    if pause.end is None or pause.start >= due:
        return due
    return calendar.add_like(due, calendar.between_like(pause.start, pause.end, unit), unit)


def remeasured(old: WorkCalendar, new: WorkCalendar, run: Run, limit: Span) -> datetime:
    """Where a limit ends in a changed calendar. Days are counted anew; other working time is carried over."""
    if run.unit not in ("工作时", "工作日"):
        return run.due
    if not run.pauses and old.add(run.start, limit) == run.due:
        return new.add(run.start, limit)
    found = new.add_like(run.start, _length(old, run), run.unit)
    for pause, _stood_old in _stood(old, run):
        if pause.end is not None and pause.start < found:
            found = new.add_like(found, new.between_like(pause.start, pause.end, run.unit), run.unit)
    return found


class Look(NamedTuple):
    """A moment of a clock at which something is to be done."""

    clock: ClockName
    at: int
    moment: datetime
    round: int


def looks(calendar: WorkCalendar, runs: Iterable[Run], rows: Sequence[ReminderRow]) -> list[Look]:
    """All moments of the clocks that run at which somebody is told or a mark is set. A paused clock has none:
    its mark stays as it was, and when it goes on at the latest is clocking.py's."""
    found = []
    for run in runs:
        if run.is_paused:
            continue
        marks = {OVER, THRICE} if run.clock in ("resolve", "verify") else set()
        for at in sorted(marks | {row.at for row in rows if row.clock == run.clock}):
            found.append(Look(run.clock, at, moment(calendar, run, at), run.round))
    return found


def next_look(found: Iterable[Look], now: datetime, done: Collection[Look] = ()) -> datetime | None:
    """When the clocks must be looked at: `now` if something has come due that is not `done`."""
    waiting = [one.moment for one in found if one not in done]
    return max(min(waiting), now) if waiting else None


def lateness(found: Iterable[Look], now: datetime) -> int:
    """0 in time, 1 over, 3 when thrice the limit has passed: of the clock of resolving or verifying that runs."""
    over = [one.at for one in found if one.clock in ("resolve", "verify") and one.moment <= now]
    return 3 if THRICE in over else 1 if OVER in over else 0


def reason_words(reasons: Iterable[object], language: str) -> Mapping[str, str]:
    """Key → words of the reasons to pause, in the language of the page."""
    english = language.startswith("en")
    return {one.key: (one.en if english and one.en else one.zh) for one in reasons}  # type: ignore[attr-defined]
