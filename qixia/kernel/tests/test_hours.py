"""Opening hours: what people type, whether a place is open, when that changes."""

from __future__ import annotations

from datetime import datetime, time

import pytest

from qixia.kernel import hours
from qixia.kernel.clock import CITY_TZ
from qixia.kernel.errors import Invalid


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of the week that begins on Monday, 2026-11-23."""
    return datetime(2026, 11, 22 + day, hour, minute, tzinfo=CITY_TZ)


@pytest.mark.parametrize(
    ("typed", "expression"),
    [
        ("Mo-Fr 08:00-20:00; Sa 10:00-14:00", "Mo-Fr 08:00-20:00; Sa 10:00-14:00"),
        ("周一至周五 8:00-20:00；周六 10:00-18:00", "Mo-Fr 08:00-20:00; Sa 10:00-18:00"),
        ("周一至周五8:00-20:00，周六 10点到次日2点", "Mo-Fr 08:00-20:00; Sa 10:00-02:00"),
        ("每天 6:30～9:30、11:00—13:30", "06:30-09:30,11:00-13:30"),
        ("工作日 9点30分到18点，周末休息", "Mo-Fr 09:30-18:00; Sa-Su closed"),
        ("24小时", "24/7"),
        ("全天", "24/7"),
        ("星期一、星期三 8：00－12：00", "Mo,We 08:00-12:00"),
    ],
)
def test_what_is_typed_becomes_an_expression(typed: str, expression: str):
    assert hours.week(hours.parse(typed)) == hours.week(expression)
    assert hours.parse(hours.parse(typed)) == hours.parse(typed)


@pytest.mark.parametrize("typed", ["", "  ", "看情况", "Mo 25:00-26:00", "Mo-Fr 9-18", "x" * 301, "周八 8:00-9:00"])
def test_what_says_no_hours_is_refused_by_name(typed: str):
    with pytest.raises(Invalid) as refusal:
        hours.parse(typed, field="opening")
    assert refusal.value.field == "opening"


def test_open_now_and_when_that_changes():
    shop = "Mo-Fr 08:00-20:00; Sa 10:00-02:00"
    assert hours.is_open(shop, at(1, 8))
    assert not hours.is_open(shop, at(1, 20))
    assert hours.is_open(shop, at(7, 1, 59)), "Saturday's evening goes on"
    assert not hours.is_open(shop, at(7, 2))
    assert hours.next_change(shop, at(1, 12)) == at(1, 20)
    assert hours.next_change(shop, at(7, 3)) == at(8, 8)
    assert hours.next_change("24/7", at(1, 1)) is None


@pytest.mark.parametrize(
    ("shop", "open_until"),
    [
        ("Mo-Fr 08:00-20:00; Sa 10:00-02:00; Su 12:00-20:00", 2),
        ("Su-Th 10:00-22:00; Fr,Sa 10:00-02:00", 2),
        ("Fr,Sa 10:00-02:00; Su-Th 10:00-22:00", 2),
        ("Sa 18:00-03:00; Su closed", 3),
    ],
)
def test_the_evening_goes_on_whatever_the_next_day_says(shop: str, open_until: int):
    assert hours.is_open(shop, at(7, open_until - 1, 59))
    assert not hours.is_open(shop, at(7, open_until))
    assert hours.next_change(shop, at(6, 19)) == hours.next_change(shop, at(7, 1)) == at(7, open_until)
    saturday = next(one for one in hours.week(shop) if one.first <= 5 <= one.last)
    assert saturday.hours[-1][1] == time(open_until)


def test_an_evening_that_was_closed_does_not_go_on():
    shop = "Fr,Sa 10:00-02:00; Su 12:00-20:00; 2026 Nov 28 off"
    assert not hours.is_open(shop, at(7, 1)), "Saturday the 28th was closed"
    assert hours.is_open(shop, at(6, 1)), "Friday was not"
    split = "Mo-Su 08:00-24:00; Su 10:00-20:00"
    assert not hours.is_open(split, at(7, 1))


@pytest.mark.parametrize("typed", ["每天 0:00-24:00", "0:00-0:00", "6:00-6:00", "Mo-Fr 00:00-24:00; Sa-Su 00:00-24:00"])
def test_what_never_changes_is_not_followed_for_ever(typed: str):
    assert hours.next_change(hours.parse(typed), at(1, 12)) is None
    assert hours.next_change("2030 Mo 08:00-09:00", at(1, 12)) is None


@pytest.mark.parametrize(
    "typed", ["周一休息", "休息", "PH off", "2020 Mo 08:00-09:00", "9:00-9:05," * 30 + "9:00-9:05"]
)
def test_what_never_opens_or_grows_too_long_is_refused(typed: str):
    assert len(typed) <= hours.LONGEST + 10
    with pytest.raises(Invalid) as refusal:
        hours.parse(typed[: hours.LONGEST].rstrip(","), field="opening")
    assert refusal.value.field == "opening"


def test_a_season_is_hours_too():
    assert hours.parse("Feb 10:00-18:00") == "Feb 10:00-18:00"


def test_a_week_in_stretches():
    found = hours.week("Mo-Fr 08:00-20:00; Sa 10:00-02:00")
    assert [(one.first, one.last) for one in found] == [(0, 4), (5, 5), (6, 6)]
    assert found[1].hours == ((time(10), time(2)),)
    assert found[2].hours == ()
    (whole,) = hours.week("24/7")
    assert (whole.first, whole.last, whole.is_all_day) == (0, 6, True)


def test_a_moment_without_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        hours.is_open("24/7", datetime(2026, 11, 23))
