"""Signs of cheating, and the honest acts beside them. Evidence names reports, never an account."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

import pytest

from qixia.reports import cheats
from qixia.reports.policy import Cheats
from qixia.reports.tests.cheats_set import CHEATS, HONEST, NOON, POLICY, judged, measure, seen

DOC = Path(__file__).parents[3] / "docs" / "policy" / "cheats.md"


def fixed(name, hours, ago, **more):
    return seen(name, hours=hours, fixed_at=NOON - timedelta(hours=ago), **more)


def test_twice_mended_and_twice_reported_right_after_is_looked_at():
    past = [fixed("1", hours=100, ago=80), fixed("2", hours=60, ago=20)]
    (found,) = cheats.signals(seen("now"), past, [], POLICY)
    assert (found.kind, found.evidence["way"], found.evidence["times"]) == ("own-made", "fixed", 2)
    assert [one["number"] for one in found.evidence["reports"]] == ["1", "2", "now"]


@pytest.mark.parametrize(
    "past",
    [
        [fixed("1", hours=100, ago=80)],  # once
        [fixed("1", hours=100, ago=80), fixed("2", hours=60, ago=55, metres=90)],  # another spot
        [fixed("1", hours=100, ago=80), fixed("2", hours=60, ago=55, cls="drain")],  # another matter
        [fixed("1", hours=400, ago=300), fixed("2", hours=200, ago=100)],  # days later
        [seen("1", hours=100), seen("2", hours=60)],  # nobody mended it
        [fixed("1", hours=300, ago=290), fixed("2", hours=280, ago=270), fixed("3", hours=260, ago=60)],  # not now
        [fixed("1", hours=24 * 70, ago=24 * 69), fixed("2", hours=24 * 68, ago=24 * 67)],  # long ago
    ],
)
def test_what_comes_back_by_itself_is_no_sign(past):
    assert judged(seen("now"), past) == frozenset()


def test_putting_the_same_right_again_and_again_is_looked_at():
    past = [seen(str(n), hours=90 * n + n, handled=True) for n in range(1, 4)]
    assert judged(seen("now", handled=True), past) == {"own-made"}
    assert judged(seen("now", handled=True), past[:2]) == frozenset()
    assert judged(seen("now"), past) == frozenset()


def test_litter_comes_back_by_itself():
    past = [fixed("1", hours=100, ago=80, cls="litter"), fixed("2", hours=60, ago=20, cls="litter")]
    assert judged(seen("now", cls="litter"), past) == frozenset()
    assert judged(seen("now", cls="litter", handled=True), [replace(one, handled=True) for one in past] * 2) == {
        "own-made"
    }


def test_mended_and_there_again_at_the_same_hour_on_five_days_is_looked_at():
    past = [fixed(str(turn), hours=96 * turn + 0.1, ago=96 * turn - 20) for turn in range(1, 5)]
    (found,) = cheats.signals(seen("now"), past, [], POLICY)
    assert (found.kind, found.evidence["way"]) == ("own-made", "clock")
    assert judged(seen("now"), past[1:]) == frozenset()
    assert (
        judged(seen("now"), [replace(one, at=one.at - timedelta(hours=int(one.number))) for one in past]) == frozenset()
    )
    assert judged(seen("now"), [replace(one, fixed_at=None) for one in past]) == frozenset()  # passes by each day


def test_the_hour_is_compared_over_midnight():
    assert cheats._clock_apart(NOON.replace(hour=15, minute=55), NOON.replace(hour=16, minute=5)) == 10


@pytest.mark.parametrize(
    ("metres", "hours", "more", "found"),
    [
        (9000, 0.05, {}, {"impossible-speed"}),
        (9000, 0.0, {}, {"impossible-speed"}),
        (9000, 0.15, {}, frozenset()),  # 60 km/h
        (1000, 0.0, {}, frozenset()),  # a phone's place is inexact
        (1600, 0.0, {"accuracy_m": 150.0}, frozenset()),
        (9000, 0.05, {"taken_at": None}, {"impossible-speed"}),  # who takes the time out of a photo gains nothing
        (4000, 0.0, {"taken_at": None}, frozenset()),  # sent later, from wherever
        (9000, 0.05, {"on_spot": False}, frozenset()),  # pointed at on the map
    ],
)
def test_nobody_is_in_two_places_at_once(metres, hours, more, found):
    assert judged(seen("now"), [seen("1", metres=metres, hours=hours, **more)]) == found


@pytest.mark.parametrize(
    ("metres", "hours", "found"),
    [(200, 0.5, {"reused-photo"}), (0, 30, {"reused-photo"}), (100, 5, frozenset())],
)
def test_a_picture_shows_one_place_at_one_time(metres, hours, found):
    assert judged(seen("now"), [], [seen("1", metres=metres, hours=hours)]) == found


def test_many_trifles_in_an_hour_are_looked_at_and_many_dangers_are_not():
    small = {"cls": "litter", "worth": 3}
    past = [seen(str(n), metres=5 * n, hours=n / 10, **small) for n in range(1, 6)]
    assert judged(seen("now", **small), past) == {"farmed"}
    assert judged(seen("now", **small), past[1:]) == frozenset()
    assert judged(seen("now", worth=15), past) == frozenset()
    assert judged(seen("now", **small), [seen(str(n), metres=5 * n, hours=n / 10) for n in range(1, 6)]) == frozenset()


def supports(*pairs):
    return Counter({(giver, getter): count for giver, getter, count in pairs})


@pytest.mark.parametrize(
    ("edges", "found"),
    [
        (supports(("a", "b", 5), ("b", "a", 4)), True),
        (supports(("a", "b", 6), ("b", "c", 6), ("c", "a", 6)), True),
        (supports(("a", "b", 5)), False),  # one way: a follows what b sees
        (supports(("a", "b", 1), ("b", "a", 9)), False),
        (supports(("a", "b", 4), ("b", "a", 4), ("a", "x", 4), ("b", "y", 4)), False),  # half of it is elsewhere
        (supports(("b", "c", 9), ("c", "b", 9), ("a", "b", 2)), False),  # a supports two who are a ring
    ],
)
def test_a_ring_supports_mostly_itself(edges, found):
    signal = cheats.mutual_support(edges, "a", POLICY)
    assert (signal is not None) == found


def test_a_large_group_is_a_neighbourhood():
    edges = Counter({(f"n{a}", f"n{(a + step) % 8}"): 4 for a in range(8) for step in (1, 2)})
    assert cheats.mutual_support(edges, "n0", POLICY) is None


def test_evidence_names_no_account():
    assert not {field.name for field in fields(cheats.Seen)} & {"person", "rider", "account", "index"}
    found = cheats.mutual_support(supports(("a1b2", "c3d4", 9), ("c3d4", "a1b2", 9)), "a1b2", POLICY)
    assert found is not None
    assert found.evidence == {"reports": [], "accounts": 2, "times": 18, "percent": 100}


def test_thresholds_are_policy():
    lax = Cheats.model_validate({"speed": {"kmh": 500}})
    assert cheats.signals(seen("now"), [seen("1", metres=9000, hours=0.05)], [], lax) == ()


def test_the_drawn_set_gives_the_figures_of_the_page():
    assert (len(CHEATS), len(HONEST)) == (7, 13)
    page = DOC.read_text(encoding="utf-8")
    for kind, one in measure().items():
        assert f"| `{kind}` | {one.precision} % | {one.recall} % |" in page, (kind, one.precision, one.recall)
        assert one.precision >= 85
        assert one.recall >= 75
