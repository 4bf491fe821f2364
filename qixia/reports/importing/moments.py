"""Times as people write them: 2026-03-01 08:12, 2026/3/1 8:12:05, 2026年3月1日 早上8:12, 3月1日 下午2点, a day's serial of Excel.

Units    naive datetimes in the city's time. `today` fills a missing year and says what is in the future.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

PERIODS = "凌晨|清晨|早上|早晨|上午|中午|下午|傍晚|晚上|夜里|AM|PM|am|pm"
DAY = r"(?:(?P<year>\d{4})\s*[-/.年]\s*)?(?P<month>\d{1,2})\s*[-/.月]\s*(?P<day>\d{1,2})\s*日?"
CLOCK = rf"(?P<period>{PERIODS})?\s*(?P<hour>\d{{1,2}})\s*[:：点时]\s*(?P<minute>\d{{1,2}})?\s*分?(?:[:：]\s*(?P<second>\d{{2}}))?\s*(?P<after>AM|PM|am|pm)?"
_WHOLE = re.compile(rf"^\s*{DAY}(?:[\sT,，]*(?:星期.|周.)?[\sT,，]*{CLOCK})?\s*$")
_LONGEST = 60  # characters
_LATE = ("下午", "傍晚", "晚上", "夜里", "pm")
_EARLIEST = date(2010, 1, 1)
_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 — of Excel, in the city's time
_SERIALS = (40_000.0, 80_000.0)


class BadMoment(ValueError):
    """Not a time that a message can have."""


def moment_of(said: str | datetime | date | float, today: date) -> datetime:
    """The moment that a cell or a line says; BadMoment if there is none, or an impossible one."""
    return _bounded(_read(said, today), today)


def _bounded(found: datetime, today: date) -> datetime:
    if found.date() < _EARLIEST or found.date() > today + timedelta(days=1):
        raise BadMoment
    return found


def _read(said: str | datetime | date | float, today: date) -> datetime:
    if isinstance(said, datetime):
        return said.replace(tzinfo=None)
    if isinstance(said, date):
        return datetime.combine(said, time())
    if isinstance(said, int | float):
        return _serial(float(said))
    said = " ".join(said.split())
    if len(said) > _LONGEST:
        raise BadMoment
    match = _WHOLE.match(said)
    if match:
        return moment_of_match(match, today)
    try:
        return _serial(float(said))
    except ValueError:
        raise BadMoment from None


def _serial(days: float) -> datetime:
    if not _SERIALS[0] <= days <= _SERIALS[1]:
        raise BadMoment
    return (_EPOCH + timedelta(days=days)).replace(microsecond=0)


def moment_of_match(match: re.Match[str], today: date, day: date | None = None) -> datetime:
    """From the groups of DAY and CLOCK; `day` where the match has no day of its own."""
    parts = match.groupdict()
    try:
        if parts.get("month"):
            year = int(parts["year"]) if parts.get("year") else today.year
            day = date(year, int(parts["month"]), int(parts["day"]))
            if not parts.get("year") and day > today + timedelta(days=1):
                day = day.replace(year=year - 1)
        if day is None:
            raise BadMoment
        return _bounded(datetime.combine(day, _clock(parts)), today)
    except ValueError:
        raise BadMoment from None


def _clock(parts: dict[str, str | None]) -> time:
    if not parts.get("hour"):
        return time()
    hour, period = int(parts["hour"] or 0), (parts.get("period") or parts.get("after") or "").lower()
    if hour < 12 and (period in _LATE or (period == "中午" and hour < 3)):
        hour += 12
    elif hour == 12 and period in ("am", "凌晨"):
        hour = 0
    return time(hour, int(parts.get("minute") or 0), int(parts.get("second") or 0))
