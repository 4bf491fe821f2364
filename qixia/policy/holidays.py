"""What the package knows of the State Council's holiday notices. The only place that asks it.

`noticed(year)` is None for a year whose notice was not out when the package was released: it is never guessed. The
notice for a year comes in October or November of the year before, so an upgrade of the package brings it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import chinese_calendar

DayKind = Literal["holiday", "workday"]


@dataclass(frozen=True, slots=True)
class NoticedDay:
    """A day that the notice names: off, or a weekend that is worked for it."""

    date: date
    kind: DayKind
    name: str


def noticed(year: int) -> list[NoticedDay] | None:
    """The days of `year` that a notice names, in order; None if the package knows no notice."""
    day, found = date(year, 1, 1), []
    try:
        while day.year == year:
            is_off, name = chinese_calendar.get_holiday_detail(day)
            weekend = day.weekday() >= 5
            if (is_off and name) or (not is_off and weekend):
                found.append(NoticedDay(day, "holiday" if is_off else "workday", _chinese(name)))
            day += timedelta(days=1)
    except NotImplementedError:  # how the package says that it knows no notice for this year
        return None
    return found


def _chinese(name: str | None) -> str:
    known = {holiday.value: holiday.chinese for holiday in chinese_calendar.Holiday}
    return known.get(name or "", name or "")[:40]
