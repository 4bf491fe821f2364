"""Times in words for people: slots, and the hours in which something may be used."""

from __future__ import annotations

from datetime import date, datetime, time
from functools import lru_cache

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from qixia.kernel import clock, hours
from qixia.rewards.models import Slot

_DAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")


def day_words(day: date, today: date) -> str:
    """今天, 明天, 后天, else the day of the week."""
    near = {0: _("今天"), 1: _("明天"), 2: _("后天")}
    return near.get((day - today).days) or weekday(day.weekday())


def weekday(number: int) -> str:
    """Monday is 0."""
    return _(_DAYS[number])


def slot_words(slot: Slot) -> str:
    """ "11 月 24 日 周二 09:00–09:30" for a notice, whose reader has no page around it."""
    return time_words(slot.starts_at, slot.ends_at)


def time_words(starts_at: datetime, ends_at: datetime) -> str:
    start, end = clock.city_time(starts_at), clock.city_time(ends_at)
    return _("%(month)s 月 %(day)s 日 %(weekday)s %(start)s–%(end)s") % {
        "month": start.month,
        "day": start.day,
        "weekday": weekday(start.weekday()),
        "start": f"{start:%H:%M}",
        "end": f"{end:%H:%M}",
    }


def window_words(expression: str) -> str:
    """ "每天 22:00–次日 06:00"; "" for always."""
    return _window_words(expression, get_language() or "") if expression else ""


def off_words(percent: int | None) -> str:
    """20 % off is 8 折; "" for no discount."""
    return _("%(tenths)s 折") % {"tenths": f"{(100 - percent) / 10:g}"} if percent else ""


@lru_cache(maxsize=512)
def _window_words(expression: str, _language: str) -> str:
    parts = [_stretch(one) for one in hours.week(expression) if one.hours]
    return _("；").join(parts)


def _stretch(one: hours.Stretch) -> str:
    if (one.first, one.last) == (0, 6):
        days = _("每天")
    elif one.first == one.last:
        days = weekday(one.first)
    else:
        days = _("%(first)s至%(last)s") % {"first": weekday(one.first), "last": weekday(one.last)}
    if one.is_all_day:
        return _("%(days)s全天") % {"days": days}
    return f"{days} {_('、').join(_span(since, until) for since, until in one.hours)}"


def _span(since: time, until: time) -> str:
    if until == time(0):
        return f"{since:%H:%M}–24:00"
    if until <= since:
        return _("%(since)s–次日 %(until)s") % {"since": f"{since:%H:%M}", "until": f"{until:%H:%M}"}
    return f"{since:%H:%M}–{until:%H:%M}"
