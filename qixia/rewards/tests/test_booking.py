"""Terms of booking and of who may have what: pure."""

from datetime import UTC, date, datetime, timedelta

import pytest

from qixia.kernel import clock
from qixia.rewards.booking import (
    BookingPolicy,
    SlotPlan,
    bookable_until,
    free_until,
    kept_until,
    percent_back,
    read_spans,
    slots_of,
    stayed_away_too_often,
    window,
)
from qixia.rewards.eligibility import Eligibility, Known, lacks

TERMS = BookingPolicy()
START = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)  # Tuesday, 10:00 in the city
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("9:00-12:00", ((540, 720),)),
        ("14:00-18:00，9:00-12:00", ((540, 720), (840, 1080))),
        ("9点至12点30", ((540, 750),)),
        ("22:00—24:00", ((1320, 1440),)),
    ],
)
def test_times_of_day_are_read_as_people_type_them(text, spans):
    assert read_spans(text) == spans


@pytest.mark.parametrize(
    "text", ["", "上午", "12:00-9:00", "9:00-12:00，11:00-13:00", "9:00-25:00", "9:00-12:00 和别的"]
)
def test_what_says_no_times_of_day_is_refused(text):
    with pytest.raises(ValueError, match=r"time|stretch"):
        read_spans(text)


def plan(**changes):
    values = {
        "weekdays": frozenset({0, 1}),
        "spans": ((540, 610),),
        "minutes": 30,
        "places": 2,
        "first": date(2026, 11, 23),
        "last": date(2026, 12, 1),
        "skip_holidays": True,
    }
    return SlotPlan(**{**values, **changes})


def starts(one, days=None):
    return [f"{clock.city_time(begin):%m-%d %H:%M}" for begin, _end in slots_of(one, days or {})]


def test_a_plan_makes_whole_slots_on_its_weekdays_only():
    # 70 minutes hold two of 30; Monday and Tuesday of two weeks
    assert starts(plan()) == [
        "11-23 09:00", "11-23 09:30", "11-24 09:00", "11-24 09:30",
        "11-30 09:00", "11-30 09:30", "12-01 09:00", "12-01 09:30",
    ]  # fmt: skip


def test_holidays_are_left_out_unless_they_are_wanted_and_worked_weekends_are_no_holidays():
    days = {date(2026, 11, 23): False, date(2026, 11, 24): True}
    assert starts(plan(last=date(2026, 11, 24)), days) == ["11-24 09:00", "11-24 09:30"]
    assert len(starts(plan(last=date(2026, 11, 24), skip_holidays=False), days)) == 4


@pytest.mark.parametrize(
    ("step", "before", "percent"),
    [
        ("cancel", 13 * HOUR, 100),
        ("cancel", 12 * HOUR, 100),
        ("cancel", 12 * HOUR - timedelta(seconds=1), 50),
        ("cancel", timedelta(minutes=1), 50),
        ("cancel", timedelta(0), 0),  # it has begun: giving it back now is not coming
        ("expire", -HOUR, 0),
    ],
)
def test_what_comes_back_depends_on_how_early_it_is_given_back(step, before, percent):
    assert percent_back(TERMS, step=step, starts_at=START, now=START - before, free=100) == percent


def test_late_never_gives_back_more_than_in_time():
    assert percent_back(TERMS, step="cancel", starts_at=START, now=START - HOUR, free=30) == 30


def test_a_slot_says_when_its_voucher_is_taken_and_until_when_it_is_booked_and_kept():
    assert window(TERMS, START, START + HOUR) == (START - timedelta(minutes=15), START + timedelta(minutes=75))
    assert bookable_until(TERMS, START) == START - timedelta(minutes=30)
    assert free_until(TERMS, START) == START - 12 * HOUR
    assert kept_until(TERMS, START - 48 * HOUR, START) == START - 36 * HOUR
    assert kept_until(TERMS, START - HOUR, START) == START - timedelta(minutes=30)
    assert kept_until(TERMS, START, None) == START + 12 * HOUR


def test_who_stays_away_twice_in_a_month_pauses_until_the_first_of_both_is_a_month_old():
    day = timedelta(days=1)
    assert stayed_away_too_often(TERMS, [START - 20 * day], START) is None
    assert stayed_away_too_often(TERMS, [START - 31 * day, START - 2 * day], START) is None
    assert stayed_away_too_often(TERMS, [START - 20 * day, START - 2 * day], START) == START + 10 * day
    assert stayed_away_too_often(BookingPolicy(no_show_limit=0), [START - day] * 9, START) is None


# ── who may have it ──────────────────────────────────────────────────────────

TODAY = date(2026, 11, 24)
PLACES = {"3502": "350000/350200/"}


def missing(rule, **known):
    return [(lack.kind, lack.short) for lack in lacks(Eligibility(**rule), Known(**known), TODAY, PLACES)]


@pytest.mark.parametrize(
    ("rule", "known", "found"),
    [
        ({}, {}, []),
        ({"employers": ("courier",)}, {"employers": frozenset({"courier"})}, []),
        ({"employers": ("courier",)}, {"employers": frozenset({"platform"})}, [("employer", 0)]),
        ({"employers": ("courier",)}, {}, [("employer", 0)]),
        ({"earned_points": 50, "earned_days": 30}, {"earned": {30: 50}}, []),
        ({"earned_points": 50, "earned_days": 30}, {"earned": {30: 38}}, [("earned", 12)]),
        ({"earned_points": 50, "earned_days": 30}, {"earned": {90: 80}}, [("earned", 50)]),
        ({"joined_days": 30}, {"joined_on": date(2026, 10, 25)}, []),
        ({"joined_days": 30}, {"joined_on": date(2026, 10, 26)}, [("joined", 1)]),
        ({"joined_days": 30}, {}, [("joined", 30)]),
        ({"divisions": ("3502",)}, {"paths": ("350000/350200/01/",)}, []),
        ({"divisions": ("3502",)}, {"paths": ("350000/350300/",)}, [("place", 0)]),
        ({"divisions": ("3502",)}, {}, []),
        ({"divisions": ("3502",), "unknown_place": False}, {}, [("place", 0)]),
    ],
)
def test_every_condition_says_what_is_missing(rule, known, found):
    assert missing(rule, **known) == found


@pytest.mark.parametrize("rule", [{"earned_points": 5}, {"earned_days": 5}, {"joined_days": 0}, {"age": 5}])
def test_a_rule_that_makes_no_sense_is_refused(rule):
    with pytest.raises(ValueError, match="validation error"):
        Eligibility(**rule)
