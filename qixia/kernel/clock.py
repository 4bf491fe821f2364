"""The one source of time. Everything stores UTC; people see the city's time.

`now()` is real unless a test or the demo pins it with `at()`. The pin is a context variable, so threads and
requests never see each other's time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

CITY_TZ = ZoneInfo("Asia/Shanghai")

_pinned: ContextVar[datetime | None] = ContextVar("qixia_clock", default=None)


def now() -> datetime:
    """The current moment, aware, in UTC."""
    return _pinned.get() or datetime.now(UTC)


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Pin `now()` to an aware `moment` inside the block."""
    if moment.tzinfo is None:
        raise ValueError("clock.at needs an aware datetime")
    token = _pinned.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _pinned.reset(token)


def city_time(moment: datetime) -> datetime:
    return moment.astimezone(CITY_TZ)


def city_date(moment: datetime) -> date:
    """The calendar day that the city writes at `moment`."""
    return city_time(moment).date()


def city_day(day: date) -> tuple[datetime, datetime]:
    """First moment of `day` in the city and first moment of the next, both UTC."""
    start = datetime.combine(day, time.min, tzinfo=CITY_TZ)
    end = datetime.combine(day + timedelta(days=1), time.min, tzinfo=CITY_TZ)
    return start.astimezone(UTC), end.astimezone(UTC)
