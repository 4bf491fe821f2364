"""Working time: by examples that anybody can check on a calendar, and by properties that hold for every calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qixia.kernel.clock import CITY_TZ
from qixia.kernel.worktime import Span, WorkCalendar, office_hours, span

HOUR = timedelta(hours=1)
# National Day 2026: 1 to 7 October; Saturday 10 October is worked. New Year: 1 to 3 January; Sunday 4 January is worked.
YEAR = WorkCalendar(
    {date(2026, 10, day): False for day in range(1, 8)}
    | {date(2026, 10, 10): True, date(2026, 9, 20): True}
    | {date(2026, 1, day): False for day in (1, 2, 3)}
    | {date(2026, 1, 4): True}
)


def city(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CITY_TZ)


def shown(moment: datetime) -> str:
    return moment.astimezone(CITY_TZ).strftime("%Y-%m-%d %H:%M")


EXAMPLES = [
    # Round the clock, whatever the calendar says
    ("2026-09-30 17:00", "30m", "2026-09-30 17:30"),
    ("2026-09-30 17:00", "24h", "2026-10-01 17:00"),
    ("2026-10-01 23:30", "2 紧急工作时", "2026-10-02 01:30"),
    ("2025-12-31 23:59", "2 分钟", "2026-01-01 00:01"),
    ("2026-02-28 12:00", "1d", "2026-03-01 12:00"),
    # Working hours: over lunch, over night, over a holiday, from outside
    ("2026-09-29 09:00", "3 工作时", "2026-09-29 12:00"),
    ("2026-09-29 09:00", "4 工作时", "2026-09-29 15:00"),
    ("2026-09-29 17:00", "2 工作时", "2026-09-30 09:30"),
    ("2026-09-30 17:00", "1 工作时", "2026-09-30 18:00"),
    ("2026-09-30 17:00", "2 工作时", "2026-10-08 09:30"),
    ("2026-10-03 03:00", "1 工作时", "2026-10-08 09:30"),
    ("2026-09-29 12:00", "1 工作时", "2026-09-29 15:00"),
    ("2026-09-29 18:00", "1 工作时", "2026-09-30 09:30"),
    ("2026-09-29 00:00", "1 工作时", "2026-09-29 09:30"),
    # The Saturday that is worked counts, the one that is not does not
    ("2026-10-09 17:00", "2 工作时", "2026-10-10 09:30"),
    ("2026-09-25 17:00", "2 工作时", "2026-09-28 09:30"),
    # 31 December
    ("2025-12-31 17:30", "1 工作时", "2026-01-04 09:00"),
    ("2025-12-31 23:59", "1 工作日", "2026-01-04 18:00"),
    # Working days: the day of the start is not one of them, the last ends when the offices close
    ("2026-09-29 08:00", "1 工作日", "2026-09-30 18:00"),
    ("2026-09-29 23:00", "1 工作日", "2026-09-30 18:00"),
    ("2026-09-29 09:00", "3 工作日", "2026-10-09 18:00"),
    ("2026-09-29 09:00", "4 工作日", "2026-10-10 18:00"),
    ("2026-10-04 10:00", "1 工作日", "2026-10-08 18:00"),
]


@pytest.mark.parametrize(("start", "length", "end"), EXAMPLES)
def test_when_a_limit_ends(start, length, end):
    assert shown(YEAR.add(city(start), span(length))) == end


def test_working_time_between_two_moments():
    assert YEAR.working_between(city("2026-09-30 16:00"), city("2026-10-08 09:30")) == 3 * HOUR
    assert YEAR.working_between(city("2026-10-01 00:00"), city("2026-10-08 00:00")) == timedelta()
    assert YEAR.working_between(city("2026-10-08 09:30"), city("2026-09-30 16:00")) == -3 * HOUR


def test_the_same_start_in_a_changed_calendar():
    start, storm = city("2026-08-20 15:00"), WorkCalendar({date(2026, 8, 21): False})
    assert shown(WorkCalendar().add(start, span("1 工作日"))) == "2026-08-21 18:00"
    assert shown(storm.add(start, span("1 工作日"))) == "2026-08-24 18:00"


def test_office_hours_that_reach_midnight():
    night = WorkCalendar(hours=office_hours(["00:00-06:00", "18:00-24:00"]))
    assert shown(night.add(city("2026-09-29 23:00"), span("2 工作时"))) == "2026-09-30 01:00"
    assert night.working_between(city("2026-09-29 18:00"), city("2026-09-30 06:00")) == 12 * HOUR


def test_an_hour_counts_what_it_lasts_where_the_clocks_change():
    berlin = ZoneInfo("Europe/Berlin")
    always = WorkCalendar({date(2026, 3, 29): True}, ((0, 1440),), berlin)
    midnight = datetime(2026, 3, 29, tzinfo=berlin)
    assert always.working_between(midnight, datetime(2026, 3, 30, tzinfo=berlin)) == 23 * HOUR


@pytest.mark.parametrize("text", ["", "0h", "-1h", "1.5h", "h", "3 工作周", "99999d", "１h", "2h 3m", None, True, []])
def test_no_span(text):
    with pytest.raises(ValueError):
        span(text)


@pytest.mark.parametrize(
    "texts", [[], ["8:30-12:00"], ["12:00-08:00"], ["08:00-12:00", "11:00-13:00"], ["08:00-24:30"]]
)
def test_no_hours(texts):
    with pytest.raises(ValueError):
        office_hours(texts)


def test_a_bare_number_is_minutes_as_in_rules_of_before():
    assert span(30) == Span(30, "m")
    assert [str(span(text)) for text in ("90分钟", "5工作日", " 2 紧急工作时 ")] == ["90m", "5 工作日", "2 紧急工作时"]


def test_a_calendar_without_work_is_refused_instead_of_searched_for_ever():
    idle = WorkCalendar({date(2026, 1, 1) + timedelta(days=n): False for n in range(900)})
    with pytest.raises(ValueError, match="nobody works"):
        idle.add(city("2026-01-01 09:00"), span("1 工作时"))


def test_naive_moments_are_refused():
    with pytest.raises(ValueError):
        YEAR.add(datetime(2026, 1, 1), span("1h"))


# ── for every calendar ────────────────────────────────────────────────────────
FIRST = date(2025, 12, 1)
_days = st.dictionaries(st.integers(0, 70).map(lambda n: FIRST + timedelta(days=n)), st.booleans(), max_size=40)
_hours = (
    st.lists(st.integers(0, 288).map(lambda n: n * 5), min_size=2, max_size=6, unique=True)
    .map(sorted)
    .map(lambda edges: tuple(zip(edges[::2], edges[1::2], strict=False)))
)
calendars = st.builds(WorkCalendar, _days, _hours)
moments = st.datetimes(datetime(2025, 12, 1), datetime(2026, 1, 31)).map(
    lambda moment: moment.replace(second=0, microsecond=0, tzinfo=CITY_TZ)
)
lengths = st.integers(1, 60 * 40).map(lambda n: timedelta(minutes=n))
spans = st.builds(Span, st.integers(1, 20), st.sampled_from(["m", "h", "d", "工作时", "工作日", "紧急工作时"]))
MANY = settings(max_examples=150, deadline=None)


@MANY
@given(calendars, moments, spans)
def test_a_limit_ends_after_its_start_and_in_working_time(calendar, start, length):
    end = calendar.add(start, length)
    assert end > start
    assert end.tzinfo is UTC
    if length.is_working:
        assert calendar.is_open(end)


@MANY
@given(calendars, moments, moments, spans)
def test_who_starts_later_is_never_due_earlier(calendar, one, other, length):
    first, second = sorted([one, other])
    assert calendar.add(first, length) <= calendar.add(second, length)


@MANY
@given(calendars, moments, lengths, lengths)
def test_adding_twice_is_adding_the_sum(calendar, start, one, other):
    assert calendar.add_working(calendar.add_working(start, one), other) == calendar.add_working(start, one + other)


@MANY
@given(calendars, moments, st.integers(1, 12), st.integers(1, 12))
def test_working_days_add_up_too(calendar, start, one, other):
    assume(calendar.hours[-1][1] < 24 * 60)  # else the end of a day is the next day's first moment, and that one counts
    twice = calendar.add(calendar.add(start, Span(one, "工作日")), Span(other, "工作日"))
    assert twice == calendar.add(start, Span(one + other, "工作日"))


@MANY
@given(calendars, moments, lengths)
def test_measuring_undoes_adding(calendar, start, length):
    end = calendar.add_working(start, length)
    assert calendar.working_between(start, end) == length
    assert calendar.working_between(start, end - timedelta(minutes=1)) < length, "it ends as early as it can"


@MANY
@given(calendars, moments, moments, moments)
def test_working_time_is_additive_and_never_more_than_time(calendar, one, two, three):
    first, middle, last = sorted([one, two, three])
    whole = calendar.working_between(first, last)
    assert whole == calendar.working_between(first, middle) + calendar.working_between(middle, last)
    assert timedelta() <= whole <= last - first
    assert calendar.working_between(last, first) == -whole


@MANY
@given(calendars, moments, moments)
def test_working_time_is_what_counting_minutes_finds(calendar, one, other):
    """Against a clock that knows nothing of spans: it looks at each five minutes."""
    first = min(one, other).replace(minute=0)
    last = min(first + timedelta(hours=60), max(one, other).replace(minute=0))
    if last <= first:
        return
    step, counted, at = timedelta(minutes=5), timedelta(), first
    while at < last:
        local = at.astimezone(CITY_TZ)
        minute = local.hour * 60 + local.minute
        worked = calendar.days.get(local.date(), local.weekday() < 5)
        counted += step * (worked and any(a <= minute < b for a, b in calendar.hours))
        at += step
    assert calendar.working_between(first, last) == counted


@MANY
@given(calendars, moments, st.integers(0, 69), lengths)
def test_a_day_off_more_makes_nobody_due_earlier(calendar, start, day, length):
    changed = WorkCalendar({**calendar.days, FIRST + timedelta(days=day): False}, calendar.hours)
    assert changed.add_working(start, length) >= calendar.add_working(start, length)


def test_midnight_is_the_first_moment_of_its_day():
    midnight = datetime.combine(date(2026, 10, 8), time.min, tzinfo=CITY_TZ)
    assert YEAR.day_of(midnight) == date(2026, 10, 8)
    assert YEAR.day_of(midnight - timedelta(microseconds=1)) == date(2026, 10, 7)
