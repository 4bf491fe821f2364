"""Which rule is in force. Versions are read once and kept a few seconds, so asking costs no query in a busy process;
another process sees a new version after at most `KEEP_S` seconds, and `valid_from` lets a change start everywhere at
the same moment."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from qixia.audit.queries import acts_of
from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.kernel.errors import NotConfigured
from qixia.kernel.worktime import WorkCalendar, office_hours
from qixia.policy import kinds
from qixia.policy.models import CalendarDay, CalendarEdit, CalendarYear, Installation, RuleVersion
from qixia.policy.shapes import WorkingHours

KEEP_S = 5.0
SUBJECT = "rules:"  # of acts about a kind: rules:rewards.points


@dataclass(frozen=True, slots=True)
class Rules:
    """One version of one kind, its data validated and typed by the kind's model."""

    kind: str
    version: int
    valid_from: datetime
    data: Any


_kept: dict[str, tuple[float, list[Rules]]] = {}


def current(kind: str, at: datetime | None = None) -> Rules:
    """The version of `kind` in force at `at` (now by default). NotConfigured if there is none."""
    moment = at or clock.now()
    for rules in reversed(versions(kind)):
        if rules.valid_from <= moment:
            return rules
    raise NotConfigured(f"no version of the rules {kind} is in force")


def versions(kind: str) -> list[Rules]:
    """All versions of a kind, the oldest first."""
    known = _kept.get(kind)
    if known and time.monotonic() - known[0] < KEEP_S:
        return known[1]
    # What was parsed stays parsed: versions never change.
    old = {rules.version: rules for rules in known[1]} if known else {}
    rows = RuleVersion.objects.filter(kind=kind).order_by("valid_from", "version")
    found = [old.get(row.version) or _parsed(row) for row in rows]
    if found:
        _kept[kind] = (time.monotonic(), found)
    return found


@dataclass(frozen=True, slots=True)
class Published:
    """One version as history tells it: who published it when, and why. `data` is as it was written."""

    version: int
    valid_from: datetime
    data: Any
    note: str
    published_by: str


def history(kind: str, limit: int = 20) -> list[Published]:
    """The latest versions of a kind, the newest first."""
    rows = RuleVersion.objects.filter(kind=kind).order_by("-version")[:limit]
    return [Published(row.version, row.valid_from, row.data, row.note, row.published_by) for row in rows]


def _parsed(row: RuleVersion) -> Rules:
    return Rules(row.kind, row.version, row.valid_from, kinds.get(row.kind).parse(row.data))


def altered(prefix: str) -> list[str]:
    """Versions of the kinds that begin with `prefix` that are not as history says they were published, as "kind v3":
    gone, without an act, or with another text or beginning. Acts from before texts were noted only prove that a version
    was there."""
    rows = {(row.kind, row.version): row for row in RuleVersion.objects.filter(kind__startswith=prefix)}
    names = {kind.name for kind in kinds.all_kinds() if kind.name.startswith(prefix)} | {kind for kind, _ in rows}
    known: dict[tuple[str, int], str] = {}
    for deed in acts_of("policy.published", (f"{SUBJECT}{name}" for name in names)):
        known[deed.subject.removeprefix(SUBJECT), int(deed.data["version"])] = str(deed.data.get("content", ""))
    wrong = set(known) ^ set(rows)
    wrong |= {key for key in set(known) & set(rows) if known[key] and known[key] != content_hash(rows[key])}
    return [f"{kind} v{version}" for kind, version in sorted(wrong)]


def content_hash(row: RuleVersion) -> str:
    """SHA-256 of what a version says and from when, whatever the order of its keys and however a database writes its
    numbers."""
    said = [row.valid_from.astimezone(UTC).isoformat(), _as_kept(row.data)]
    text = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _as_kept(data: object) -> object:
    match data:
        case dict():
            return {str(key): _as_kept(one) for key, one in data.items()}
        case list() | tuple():
            return [_as_kept(one) for one in data]
        case float() if data.is_integer():
            return int(data)
    return data


def forget() -> None:
    """Read everything anew at the next question: after a publication, and between tests."""
    _kept.clear()
    _calendar.clear()


# ── the working calendar ──────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Calendar:
    """The working calendar as it stands. `stamp` changes whenever a limit may end at another moment."""

    work: WorkCalendar
    stamp: str


_calendar: dict[str, tuple[float, int, Calendar]] = {}


def working_calendar() -> Calendar:
    """The calendar and the office hours in force; asking again within `KEEP_S` seconds costs nothing."""
    known = _calendar.get("now")
    rules = current("policy.working_hours")
    if known and time.monotonic() - known[0] < KEEP_S and known[1] == rules.version:
        return known[2]
    edit = CalendarEdit.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    stamp = f"{edit}.{rules.version}"
    if known and known[2].stamp == stamp:
        found = known[2]
    else:
        data: WorkingHours = rules.data
        days = {day: kind == "workday" for day, kind in CalendarDay.objects.values_list("date", "kind")}
        found = Calendar(WorkCalendar(days, office_hours(data.hours)), stamp)
    _calendar["now"] = (time.monotonic(), rules.version, found)
    return found


@dataclass(frozen=True, slots=True)
class NamedDay:
    """A day that the calendar names. `kind`: holiday or workday; `source`: package or person."""

    date: date
    kind: str
    name: str
    source: str


@dataclass(frozen=True, slots=True)
class YearView:
    """One year. `source`: package, person, or weekends where nobody knows its holidays."""

    year: int
    source: str
    days: dict[date, NamedDay]

    @property
    def is_fallback(self) -> bool:
        return self.source == "weekends"


@dataclass(frozen=True, slots=True)
class CalendarChange:
    """One line of the calendar's history."""

    at: datetime
    actor: str
    date: date | None
    before: str
    after: str
    note: str


def calendar_year(year: int) -> YearView:
    """The days that the calendar names in a year, and where they come from. Two queries."""
    row = CalendarYear.objects.filter(pk=year).first()
    rows = CalendarDay.objects.filter(date__year=year).values_list("date", "kind", "name", "source")
    return YearView(year, row.source if row else "weekends", {one[0]: NamedDay(*one) for one in rows})


def calendar_history(year: int, limit: int = 30) -> list[CalendarChange]:
    """What was changed in a year, the latest first."""
    rows = CalendarEdit.objects.filter(year=year).order_by("-pk")[:limit]
    return [CalendarChange(row.at, row.actor, row.date, row.before, row.after, row.note) for row in rows]


def missing_years(today: date) -> list[int]:
    """Years without known holidays that begin within the months of the rule, or have begun: limits that reach into them
    count Monday to Friday."""
    data: WorkingHours = current("policy.working_hours").data
    months = today.year * 12 + today.month - 1 + data.warn_months
    wanted = {today.year, months // 12}
    known = set(CalendarYear.objects.exclude(source="weekends").filter(year__in=wanted).values_list("year", flat=True))
    return sorted(wanted - known)


def installation() -> Installation | None:
    return Installation.objects.filter(pk=1).first()


def is_demo_database() -> bool:
    """Whether this database was stamped demo."""
    return Installation.objects.filter(pk=1, is_demo=True).exists()


def is_forbidden_demo() -> bool:
    """A demo database in production: its passwords are public, so nobody may serve it. Costs nothing in development."""
    return get_config().mode == "production" and is_demo_database()
