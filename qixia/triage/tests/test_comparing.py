"""Two models side by side: what counts as better, worse, missed, moved."""

import math
import random
from collections import Counter

import pytest

from qixia.triage import comparing
from qixia.triage.comparing import Line, Said


def said(cls: str, severity: str = "normal", certain: bool = True) -> Said:
    return Said(cls, severity, certain)


def test_a_summary_counts_what_changes_and_who_was_right():
    lines = [
        Line(said("road-damage"), said("manhole"), "manhole", "high", "person"),
        Line(said("manhole"), said("road-damage"), "manhole", "high", "verified"),
        Line(said("litter"), said("litter", certain=False), "litter", "low", ""),
        Line(said("litter", "low"), said("litter", "high"), "litter", "low", "person"),
    ]
    found = comparing.summary(lines)
    assert (found["n"], found["changed"], found["changed_cls"], found["changed_severity"]) == (4, 3, 2, 1)
    assert (found["person"], found["person_now"], found["person_new"]) == (2, 1, 2)
    assert (found["verified"], found["verified_now"], found["verified_new"]) == (1, 1, 0)
    assert (found["doubt_now"], found["doubt_new"]) == (0, 1)
    assert (found["mild"], found["alarm_now"], found["alarm_new"]) == (1, 0, 1)
    assert found["classes"] == [
        {"cls": "manhole", "n": 2, "now": 1, "new": 1, "better": 1, "worse": 1},
        {"cls": "litter", "n": 1, "now": 1, "new": 1, "better": 0, "worse": 0},
    ]
    assert {"before": "road-damage", "after": "manhole", "n": 1} in found["moves"]


@pytest.mark.parametrize(
    ("verdict", "missed"),
    [
        (said("fire", "critical"), False),
        (said("fire", "high"), False),
        (said("fire", "normal"), True),
        (said("fire", "low"), True),
        (said("", "low"), True),
        (said("", "high"), True),  # nobody is rung
        (said("", "critical"), False),  # words of danger ring all the same
    ],
)
def test_what_counts_as_missed(verdict, missed):
    found = comparing.summary([Line(verdict, said("fire", "critical"), "fire", "critical", "person")])
    assert (found["critical"], found["missed_now"], found["missed_new"]) == (1, int(missed), 0)


def test_nobody_stands_for_what_nobody_decided():
    found = comparing.summary([Line(said("fire", "low"), said("fire", "low"), "fire", "critical", "")])
    assert (found["critical"], found["missed_now"], found["classes"]) == (0, 0, [])


def test_more_missed_is_worse_and_as_many_is_not():
    assert comparing.misses_more({"missed_now": 1, "missed_new": 2})
    assert not comparing.misses_more({"missed_now": 2, "missed_new": 2})
    assert not comparing.misses_more({})


def test_the_distance_of_a_mix_from_itself_is_nothing_and_grows_with_the_shift():
    same = comparing.distance({"a": 50, "b": 50}, {"a": 500, "b": 500})
    some = comparing.distance({"a": 60, "b": 40}, {"a": 500, "b": 500})
    other = comparing.distance({"a": 95, "b": 5}, {"a": 500, "b": 500})
    assert same == 0
    assert same < some < 0.1 < 0.25 < other


def test_the_distance_by_hand():
    a, b = 30.5 / 41, 10.5 / 41
    c, d = 20.5 / 41, 20.5 / 41
    expected = (a - c) * math.log(a / c) + (b - d) * math.log(b / d) - (1 / 40 + 1 / 40)
    assert comparing.distance({"x": 30, "y": 10}, {"x": 20, "y": 20}) == pytest.approx(expected, abs=1e-4)


def test_weeks_drawn_from_one_mix_are_no_shift_on_average():
    draw = random.Random(7)
    names = [f"class-{n}" for n in range(40)]

    def week(n: int) -> Counter[str]:
        return Counter(draw.choices(names, weights=range(1, 41), k=n))

    found = [comparing.distance(week(80), week(320)) for _ in range(200)]
    assert sum(found) / len(found) < 0.1
    assert sum(value >= 0.25 for value in found) < 10


@pytest.mark.parametrize(("now", "before"), [({}, {"a": 1}), ({"a": 1}, {}), ({}, {})])
def test_no_distance_from_nothing(now, before):
    assert comparing.distance(now, before) is None


def test_a_new_class_is_far_and_not_infinite():
    assert 1 < comparing.distance({"new": 10}, {"old": 10}) < 20


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("打 13812345678 没人接", "打 00000000000 没人接"),
        ("138 1234 5678", "000 0000 0000"),
        ("3 号楼 12 层", "3 号楼 12 层"),
        ("１３８００００１２３４", "00000000000"),
        ("编号407-188-235", "编号000-000-000"),
        ("", ""),
    ],
)
def test_long_numbers_are_blanked(words, kept):
    assert comparing.blank_numbers(words) == kept


def test_a_fifth_is_held_out_and_always_the_same():
    refs = [f"report:{n}" for n in range(2000)]
    held = [ref for ref in refs if comparing.is_held_out(ref)]
    assert 330 < len(held) < 470
    assert held == [ref for ref in refs if comparing.is_held_out(ref)]
