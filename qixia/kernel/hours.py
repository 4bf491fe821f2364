"""Opening hours: when a place is open, in the grammar that OpenStreetMap uses (opening_hours).

Truth    an expression is text ("Mo-Fr 08:00-20:00; Sa 10:00-02:00"); what people type in Chinese ("周一至周五 8:00-20:00，
         周六 10点到次日2点") becomes one. Public holidays (PH) are understood and change nothing: whoever closes on a
         holiday says so by a date.
Times    local to the city (CITY_TZ); moments are aware.
Errors   Invalid (422, field of the caller) for what is no expression, is too long once written out, or never opens. Naive moments: ValueError.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from opening_hours import OpeningHours, validate

from qixia.kernel import clock
from qixia.kernel.clock import CITY_TZ
from qixia.kernel.errors import Invalid

LONGEST = 300
AHEAD = timedelta(days=8)  # further nobody looks, and rules that never change would be followed for ever
_DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_WORDS = {
    **{f"{week}{day}": _DAYS[index] for week in ("周", "星期", "礼拜") for index, day in enumerate("一二三四五六日")},
    **{f"{week}天": "Su" for week in ("星期", "礼拜", "周")},
    "每天": "Mo-Su",
    "每日": "Mo-Su",
    "工作日": "Mo-Fr",
    "周末": "Sa-Su",
    "二十四小时": "24/7",
    "24小时": "24/7",
    "全天": "24/7",
    "休息": " off",
    "次日": "",
}
_ANY_WORD = re.compile("|".join(sorted(_WORDS, key=len, reverse=True)))
_CLOCK = re.compile(r"(?<![\d:])(\d{1,2})(?:[:点时](\d{2})?分?)(?!\d)")
# An ordinary week, Monday to Sunday: any will do.
_WEEK = date(2024, 1, 1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days of the week (0 is Monday) with the same hours. `until` may be earlier than `since`: the next day's."""

    first: int
    last: int
    hours: tuple[tuple[time, time], ...]

    @property
    def is_all_day(self) -> bool:
        return self.hours == ((time(0), time(0)),)


def parse(text: str, *, field: str = "hours") -> str:
    """The expression in what somebody typed. Invalid, naming `field`, for what says no hours."""
    typed = text.strip()
    if not typed or len(typed) > LONGEST:
        raise Invalid("请写营业时间，例如：周一至周五 8:00-20:00；周六 10:00-18:00。", field=field)
    found = _from_words(typed)
    if not validate(found):
        raise Invalid("营业时间看不懂。请这样写：周一至周五 8:00-20:00；周六 10:00-18:00。", field=field)
    expression = str(_reader(found))  # longer than what was typed: 9:00 is written as 09:00
    if len(expression) > LONGEST:
        raise Invalid("营业时间写得太长，请合并一些时段。", field=field)
    if not _ever_opens(expression):
        raise Invalid("照这样写，一年里一天也不开门。请写哪天几点到几点。", field=field)
    return expression


def _ever_opens(expression: str) -> bool:
    """Within a year from now; looks no further."""
    now = _local(clock.now())
    year = _reader(expression).intervals(now, now + timedelta(days=366))
    return any(str(state) == "open" for _since, _until, state, _note in year)


def is_open(expression: str, at: datetime) -> bool:
    there = _local(at)
    return bool(_reader(expression).is_open(there)) or any(
        since <= there < until for since, until in _evenings(expression, there)
    )


def next_change(expression: str, at: datetime) -> datetime | None:
    """When it next opens or closes; None if not within `AHEAD`."""
    there = _local(at)
    end = there + AHEAD
    for since, until in stretches(expression, there, end):
        if since > there:
            return since
        return until if until < end else None
    return None


def stretches(expression: str, since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    """When it is open from `since` to `until`, in order, those that touch each other as one. Costs a day's look a day."""
    start, end = _local(since), _local(until)
    found = [(a, b) for a, b, state, _note in _reader(expression).intervals(start, end) if str(state) == "open"]
    midnight = start
    while midnight.date() <= end.date():
        found += [(max(a, start), min(b, end)) for a, b in _evenings(expression, midnight) if b > start and a < end]
        midnight += timedelta(days=1)
    return _joined(found)


def _joined(found: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    joined: list[tuple[datetime, datetime]] = []
    for since, until in sorted(found):
        if joined and since <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(until, joined[-1][1]))
        else:
            joined.append((since, until))
    return joined


def _evenings(expression: str, there: datetime) -> list[tuple[datetime, datetime]]:
    """The rest, after midnight, of what was open the evening before; at most one. The grammar lets a rule for the new day
    cut it off ("Sa 10:00-02:00; Su 12:00-20:00"), which nobody means who writes it."""
    if ";" not in expression or '"' in expression:
        return []
    midnight = datetime.combine(there.date(), time(0), tzinfo=CITY_TZ)
    eve = midnight - timedelta(seconds=1)
    if not _reader(expression).is_open(eve):
        return []
    rules = (_reader(rule) for rule in reversed(expression.split(";")) if rule.strip())
    governing = next((rule for rule in rules if rule.is_open(eve)), None)
    if governing is None:
        return []
    night = governing.intervals(eve, midnight + timedelta(days=1))
    until: datetime = next(end for _since, end, state, _note in night if str(state) == "open")
    # A rule that is open on both days says so itself; only the evening's own end is carried over.
    return [(midnight, until)] if midnight < until < midnight + timedelta(days=1) else []


def week(expression: str) -> list[Stretch]:
    """An ordinary week, neighbouring days with the same hours together; closed days have none."""
    days = [_hours_of(expression, _WEEK + timedelta(days=offset)) for offset in range(7)]
    found: list[Stretch] = []
    for day, hours in enumerate(days):
        if found and found[-1].hours == hours:
            found[-1] = Stretch(found[-1].first, day, hours)
        else:
            found.append(Stretch(day, day, hours))
    return found


def _from_words(text: str) -> str:
    plain = _ANY_WORD.sub(lambda match: _WORDS[match.group()], text.replace("：", ":"))
    plain = _CLOCK.sub(lambda match: f"{int(match[1]):02d}:{match[2] or '00'}", plain)
    plain = re.sub(r"\s*(?:至|到|～|~|—|–|－)\s*", "-", plain)
    plain = re.sub(r"\s*[；;。\n]\s*", "; ", plain).strip("; ")
    plain = re.sub(r"(?<=\d)\s*[，,]\s*(?=Mo|Tu|We|Th|Fr|Sa|Su)", "; ", plain)
    plain = re.sub(r"[、，]", ",", plain)
    return re.sub(r"(?<=[a-z])(?=\d)", " ", plain)


def _hours_of(expression: str, day: date) -> tuple[tuple[time, time], ...]:
    """The stretches that begin on this day, and the rest of a stretch without end. A whole day is 00:00 to 00:00."""
    start = datetime.combine(day, time(0), tzinfo=CITY_TZ)
    end = start + timedelta(days=1)
    found = []
    for since, until in stretches(expression, start, end + timedelta(days=1)):
        if since >= end:
            continue
        if since > start or not is_open(expression, start - timedelta(seconds=1)):
            found.append((since.time(), until.time()))
        elif until >= end:  # it never closed on this day
            found.append((time(0), time(0)))
    return tuple(found)


def _local(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a moment needs its time zone")
    return at.astimezone(CITY_TZ)


@lru_cache(maxsize=4096)
def _reader(expression: str) -> OpeningHours:
    return OpeningHours(expression, timezone=CITY_TZ)
