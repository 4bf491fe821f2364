"""Booking of what points buy: times, what comes back, who waits (policy "rewards.booking"). Pure: no Django, no clock.

Units    moments are aware; times of day are minutes after midnight in the city; percentages are of a voucher's points.
Errors   ValueError for text that says no times of day.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from pydantic import BaseModel, ConfigDict, Field

from qixia.kernel.clock import CITY_TZ

# A rule that made more than this at once was typed wrongly.
MOST_SLOTS = 1000
LONGEST_PLAN = timedelta(days=184)
_DAY = 24 * 60
_SPAN = re.compile(r"(\d{1,2})[:：点](\d{2})?\s*[-–—~～至到]\s*(\d{1,2})[:：点](\d{2})?")


class BookingPolicy(BaseModel):
    """Terms of slots and of waiting lists; a voucher keeps those of the day on which it was made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    book_days: int = Field(14, ge=1, le=90, description="riders see the slots of so many days")
    book_until_minutes: int = Field(
        30, ge=0, le=2880, description="a slot is booked so long before it starts at latest"
    )
    free_hours: int = Field(12, ge=0, le=336, description="until so long before, cancelling gives everything back")
    late_returns: int = Field(50, ge=0, le=100, description="percent that comes back later than that")
    no_show_returns: int = Field(0, ge=0, le=100, description="percent that comes back to who did not come")
    no_show_limit: int = Field(2, ge=0, le=20, description="who stayed away so often books nothing for a while; 0: off")
    no_show_days: int = Field(30, ge=1, le=366, description="so long an absence counts")
    early_minutes: int = Field(15, ge=0, le=240, description="so long before the start the voucher is taken")
    grace_minutes: int = Field(15, ge=0, le=240, description="and so long after the end")
    remind_hours: int = Field(24, ge=1, le=72, description="so long before, the rider is reminded")
    kept_hours: int = Field(12, ge=1, le=168, description="what came back is kept so long for who waits first")
    most_waiting: int = Field(5, ge=1, le=50, description="lists on which a rider stands at a time")


@dataclass(frozen=True, slots=True)
class SlotPlan:
    """A rule that makes slots. `weekdays`: 0 is Monday; `spans`: (first start, latest end) in minutes of the day;
    `minutes` is the length of one; `first` and `last` days are both meant."""

    weekdays: frozenset[int]
    spans: tuple[tuple[int, int], ...]
    minutes: int
    places: int
    first: date
    last: date
    skip_holidays: bool = True


def read_spans(text: str) -> tuple[tuple[int, int], ...]:
    """ "9:00-12:00，14:00-18:00" in minutes of the day, in order, none overlapping."""
    spans = sorted(
        (int(a) * 60 + int(b or 0), int(c) * 60 + int(d or 0)) for a, b, c, d in _SPAN.findall(text.strip()[:200])
    )
    if not spans or _SPAN.sub("", text).strip(" ，,、；;\n"):
        raise ValueError(f"no times of day: {text!r}")
    for start, end in spans:
        if not 0 <= start < end <= _DAY:
            raise ValueError(f"no stretch of a day: {start}–{end}")
    if any(after[0] < before[1] for before, after in pairwise(spans)):
        raise ValueError(f"times overlap: {text!r}")
    return tuple(spans)


def slots_of(plan: SlotPlan, named_days: Mapping[date, bool]) -> Iterator[tuple[datetime, datetime]]:
    """Start and end of every slot of the plan. `named_days` are the calendar's; False is a holiday."""
    day = plan.first
    while day <= plan.last:
        if day.weekday() in plan.weekdays and not (plan.skip_holidays and named_days.get(day) is False):
            for since, until in plan.spans:
                for start in range(since, until - plan.minutes + 1, plan.minutes):
                    begin = datetime.combine(day, time(start // 60, start % 60), tzinfo=CITY_TZ)
                    yield begin, begin + timedelta(minutes=plan.minutes)
        day += timedelta(days=1)


def free_until(terms: BookingPolicy, starts_at: datetime) -> datetime:
    """Until then, giving back or changing the time costs nothing."""
    return starts_at - timedelta(hours=terms.free_hours)


def percent_back(terms: BookingPolicy, *, step: str, starts_at: datetime, now: datetime, free: int) -> int:
    """What a booked voucher gives back. `free` is what giving back any voucher in time returns."""
    if step == "expire" or now >= starts_at:
        return terms.no_show_returns
    return free if now <= free_until(terms, starts_at) else min(free, terms.late_returns)


def window(terms: BookingPolicy, starts_at: datetime, ends_at: datetime) -> tuple[datetime, datetime]:
    """From when to when the shop takes the voucher."""
    return starts_at - timedelta(minutes=terms.early_minutes), ends_at + timedelta(minutes=terms.grace_minutes)


def bookable_until(terms: BookingPolicy, starts_at: datetime) -> datetime:
    return starts_at - timedelta(minutes=terms.book_until_minutes)


def kept_until(terms: BookingPolicy, now: datetime, starts_at: datetime | None) -> datetime:
    """How long something that came back is kept for who waits first; never past the time at which a slot closes."""
    until = now + timedelta(hours=terms.kept_hours)
    return until if starts_at is None else min(until, bookable_until(terms, starts_at))


def stayed_away_too_often(terms: BookingPolicy, absences: Collection[datetime], now: datetime) -> datetime | None:
    """Until when somebody who did not come books nothing; None for who may."""
    since = now - timedelta(days=terms.no_show_days)
    recent = sorted(moment for moment in absences if moment > since)
    if not terms.no_show_limit or len(recent) < terms.no_show_limit:
        return None
    return recent[-terms.no_show_limit] + timedelta(days=terms.no_show_days)
