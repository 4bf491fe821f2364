"""Working time: which moments count when a limit is given in working hours or working days.

Truth    a `WorkCalendar` is a value: days that differ from the week (holidays, and weekends that are worked, 调休), the
         hours of a working day, the city's time zone. Monday to Friday are working days where nothing else is said.
Units    `Span` is a number and a unit. "m", "h", "d": minutes, hours and days of 24 hours by the wall clock, day and
         night. 工作时: hours that count only while the offices work. 工作日: whole working days; as the Civil Code (§201,
         §203) counts them: the day of the start is not one of them, and the last ends when the offices close. 紧急工作时:
         urgent hours: they run round the clock, through nights and holidays, from the start to the end; so they are as
         long as "h" and keep their name for those who read them.
Ends     a limit ends at the first moment by which its time has passed: at 18:00, not at 08:30 of the next morning. So
         `add` never lands outside working hours, and `working_between(start, add(start, n 工作时))` is n hours.
Exact    a moment is a moment (UTC); an office hour is local. Where the clocks change, an office hour still counts what
         it lasts.
Errors   ValueError: a naive moment, a span that can't be read, a calendar in which nobody works for over a year.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, cast, get_args
from zoneinfo import ZoneInfo

from qixia.kernel.clock import CITY_TZ

Unit = Literal["m", "h", "d", "工作时", "工作日", "紧急工作时"]
UNITS: tuple[Unit, ...] = get_args(Unit)
_CALENDAR: dict[str, timedelta] = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "紧急工作时": timedelta(hours=1),
}
_ALIASES = {"分钟": "m", "小时": "h", "天": "d"}
_SPAN = re.compile(r"\s*([1-9]\d{0,4})\s*(m|h|d|分钟|小时|天|工作时|工作日|紧急工作时)\s*")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\s*[-–]\s*([01]\d|2[0-4]):([0-5]\d)")
_DAY_MINUTES = 24 * 60
LONGEST = timedelta(days=3660)
_SEARCH_DAYS = 400  # nobody rests longer


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time as a limit names it."""

    amount: int
    unit: Unit

    def __post_init__(self) -> None:
        if self.amount < 1 or self.unit not in UNITS:
            raise ValueError(f"no span: {self.amount} {self.unit}")
        if self.amount * (_CALENDAR.get(self.unit) or timedelta(days=1)) > LONGEST:
            raise ValueError(f"too long: {self}")

    @property
    def is_working(self) -> bool:
        """Whether only working time counts."""
        return self.unit in ("工作时", "工作日")

    def __str__(self) -> str:
        return f"{self.amount}{self.unit}" if self.unit in ("m", "h", "d") else f"{self.amount} {self.unit}"


def span(text: str | int) -> Span:
    """Read "30m", "2h", "3 工作时", "5 工作日"; a bare number is minutes. ValueError for anything else."""
    if isinstance(text, int) and not isinstance(text, bool):
        return Span(text, "m")
    found = _SPAN.fullmatch(text) if isinstance(text, str) else None
    if not found:
        raise ValueError(f"no span: {text!r}; write 30m, 2h, 3d, 3 工作时, 5 工作日 or 2 紧急工作时")
    unit = cast(Unit, _ALIASES.get(found[2], found[2]))  # _SPAN lets no other through
    return Span(int(found[1]), unit)


def office_hours(texts: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Read ["08:30-12:00", "14:00-18:00"] as minutes of the day, in order, none touching another."""
    spans = []
    for text in texts:
        found = _HOURS.fullmatch(text.strip())
        if not found:
            raise ValueError(f"no hours: {text!r}; write 08:30-12:00")
        opens, closes = (int(found[n]) * 60 + int(found[n + 1]) for n in (1, 3))
        spans.append((opens, closes))
    return _checked(tuple(spans))


def _checked(spans: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    if not spans:
        raise ValueError("a working day has no hours")
    edges = [edge for pair in spans for edge in pair]
    if edges != sorted(set(edges)) or edges[0] < 0 or edges[-1] > _DAY_MINUTES:
        raise ValueError("working hours must follow each other within one day")
    return spans


@dataclass(frozen=True)
class WorkCalendar:
    """When a city works. `days`: what differs from Monday to Friday; True is worked."""

    days: Mapping[date, bool] = field(default_factory=dict)
    hours: tuple[tuple[int, int], ...] = ((8 * 60 + 30, 12 * 60), (14 * 60, 18 * 60))
    tz: ZoneInfo = CITY_TZ
    _opened: dict[date, tuple[tuple[datetime, datetime], ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        _checked(self.hours)

    def is_working_day(self, day: date) -> bool:
        said = self.days.get(day)
        return day.weekday() < 5 if said is None else said

    def is_open(self, moment: datetime) -> bool:
        """Whether the offices work at `moment`; opening and closing belong to it."""
        day = self.day_of(moment)
        # The day before as well: an office that closes at 24:00 does so at the first moment of the next day.
        spans = (*self.spans(day - timedelta(days=1)), *self.spans(day))
        return any(opens <= moment <= closes for opens, closes in spans)

    def day_of(self, moment: datetime) -> date:
        if moment.tzinfo is None:
            raise ValueError("a working calendar needs aware moments")
        return moment.astimezone(self.tz).date()

    def spans(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        """The office hours of a day as moments; none on a holiday."""
        found = self._opened.get(day)
        if found is None:
            spans = ((self._moment(day, a), self._moment(day, b)) for a, b in self.hours)
            found = tuple(spans) if self.is_working_day(day) else ()
            if len(self._opened) > 4000:
                self._opened.clear()
            self._opened[day] = found
        return found

    def _moment(self, day: date, minutes: int) -> datetime:
        if minutes == _DAY_MINUTES:
            day, minutes = day + timedelta(days=1), 0
        return datetime.combine(day, time(minutes // 60, minutes % 60), tzinfo=self.tz).astimezone(UTC)

    def _days_from(self, day: date) -> Iterator[date]:
        """`day` and those after it; ValueError where no working day comes for too long."""
        rested = 0
        while rested < _SEARCH_DAYS:
            rested = 0 if self.is_working_day(day) else rested + 1
            yield day
            day += timedelta(days=1)
        raise ValueError("nobody works in this calendar")

    # ── adding ──────────────────────────────────────────────────────────────

    def add(self, start: datetime, length: Span) -> datetime:
        """When `length` from `start` has passed."""
        if length.unit == "工作日":
            return self._add_days(start, length.amount)
        if length.unit == "工作时":
            return self.add_working(start, timedelta(hours=length.amount))
        self.day_of(start)
        return start.astimezone(UTC) + length.amount * _CALENDAR[length.unit]

    def add_working(self, start: datetime, length: timedelta) -> datetime:
        """The first moment by which `length` of working time has passed since `start`; `start` itself for nothing."""
        day, left = self.day_of(start), length
        if left <= timedelta():
            return start.astimezone(UTC)
        for one in self._days_from(day):
            for opens, closes in self.spans(one):
                begin = max(opens, start)
                if closes > begin and closes - begin >= left:
                    return begin.astimezone(UTC) + left
                left -= max(closes - begin, timedelta())
        raise AssertionError("unreachable")

    def _add_days(self, start: datetime, amount: int) -> datetime:
        for day in self._days_from(self.day_of(start) + timedelta(days=1)):
            amount -= self.is_working_day(day)
            if not amount:
                return self.spans(day)[-1][1]
        raise AssertionError("unreachable")

    # ── measuring ───────────────────────────────────────────────────────────

    def working_between(self, start: datetime, end: datetime) -> timedelta:
        """How much working time lies between two moments; negative if the second is the earlier one."""
        if end < start:
            return -self.working_between(end, start)
        day, last, found = self.day_of(start), self.day_of(end), timedelta()
        while day <= last:
            for opens, closes in self.spans(day):
                found += max(min(closes, end) - max(opens, start), timedelta())
            day += timedelta(days=1)
        return found

    def add_like(self, start: datetime, length: timedelta, unit: Unit) -> datetime:
        """Add a measured length in the time that limits of `unit` count: what `between_like` measured."""
        if unit in ("工作时", "工作日"):
            return self.add_working(start, length)
        return start.astimezone(UTC) + max(length, timedelta())

    def between_like(self, start: datetime, end: datetime, unit: Unit) -> timedelta:
        """What passed between two moments in the time that limits of `unit` count."""
        return self.working_between(start, end) if unit in ("工作时", "工作日") else end - start
