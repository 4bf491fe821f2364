"""A drawn set of accounts, cheats and honest neighbours, for the figures in docs/policy/cheats.md. Seeded: always the same.

Honest accounts are the hard ones: who works at a bad corner, whose unit mends badly, who was offline, who passes a market
every day, colleagues who know each other. Some cheats are careful: they wait, walk, or hide among honest acts.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from qixia.kernel.geo import Point
from qixia.reports import cheats
from qixia.reports.cheats import Seen
from qixia.reports.policy import Cheats

NOON = datetime(2026, 11, 19, 4, 0, tzinfo=UTC)
HOME = Point(24.9, 118.6)
METRE = 1 / 111_320  # degrees of latitude
POLICY = Cheats()


@dataclass(frozen=True, slots=True)
class Case:
    """One account's newest report and what is known; `cheat`: what a detector should say of it, "" for an honest one."""

    cheat: str
    found: frozenset[str]


def seen(name: str, *, metres: float = 0.0, hours: float = 0.0, **more: object) -> Seen:
    """A report so many metres north of home and so many hours before noon."""
    at = NOON - timedelta(hours=hours)
    values = {"cls": "manhole", "worth": 15, "taken_at": at, "place": "美仙街"} | more
    return Seen(public_id=name, number=name, point=Point(HOME.lat + metres * METRE, HOME.lng), at=at, **values)  # type: ignore[arg-type]


def judged(now: Seen, past: list[Seen], photos: list[Seen] | None = None) -> frozenset[str]:
    return frozenset(one.kind for one in cheats.signals(now, past, photos or [], POLICY))


# ── one account ───────────────────────────────────────────────────────────────
def breaks_it_again(draw: random.Random) -> Case:
    """Mended, and reported by the same account a few hours later: three or four times."""
    rounds, careful = draw.randint(3, 4), draw.random() < 0.2
    pause = 70.0 if careful else draw.uniform(2, 40)  # who waits three days each time is not found
    past, hours = [], 0.0
    for number in range(rounds):
        hours += pause
        fixed = NOON - timedelta(hours=hours)
        hours += draw.uniform(10, 60)
        past.append(seen(f"{number}", metres=draw.uniform(-10, 10), hours=hours, fixed_at=fixed))
    return Case(cheats.OWN_MADE, judged(seen("now"), past))


def same_hour_each_day(draw: random.Random) -> Case:
    """A spot on the way to the shift, loosened every third or fourth morning: each time it is mended the same day."""
    past = [
        seen(
            str(turn),
            metres=draw.uniform(-15, 15),
            hours=24 * 4 * turn + draw.uniform(-0.2, 0.2),
            fixed_at=NOON - timedelta(hours=24 * 4 * turn - draw.uniform(2, 30)),
            cls="guardrail",
            worth=8,
        )
        for turn in range(1, draw.randint(5, 9))
    ]
    return Case(cheats.OWN_MADE, judged(seen("now", cls="guardrail", worth=8), past))


def handles_it_every_week(draw: random.Random) -> Case:
    past = [
        seen(
            str(n),
            metres=draw.uniform(-10, 10),
            hours=60 * n + draw.uniform(0, 30),
            handled=True,
            cls="litter",
            worth=3,
        )
        for n in range(1, draw.randint(4, 6))
    ]
    return Case(cheats.OWN_MADE, judged(seen("now", handled=True, cls="litter", worth=3), past))


def bad_corner(draw: random.Random) -> Case:
    """Honest: one corner, many weeks apart, not at one hour, mended in between."""
    past = [
        seen(
            str(n),
            metres=draw.uniform(-30, 30),
            hours=n * draw.uniform(200, 300) + draw.uniform(0, 12),
            fixed_at=NOON - timedelta(hours=n * 200 - draw.uniform(0, 20)),
        )
        for n in range(1, 4)
    ]
    return Case("", judged(seen("now"), past))


def complains_each_morning(draw: random.Random) -> Case:
    """Honest: the entrance at home is blocked day after day, by some at one minute every day; or nobody mends the lamp."""
    punctual = draw.random() < 0.3
    spread = 0.2 if punctual else 2.5
    cls, hours = draw.choice([("car-parking", 3.0), ("streetlight", None)])
    past = [
        seen(
            str(day),
            hours=24 * day + draw.uniform(-spread, spread),
            fixed_at=NOON - timedelta(hours=24 * day - hours) if hours else None,
            cls=cls,
            worth=3,
        )
        for day in range(1, 7)
    ]
    return Case("", judged(seen("now", cls=cls, worth=3), past))


def mended_twice_long_ago(draw: random.Random) -> Case:
    """Honest: two bad repairs weeks ago; what is reported now follows none."""
    first = seen("1", hours=900, fixed_at=NOON - timedelta(hours=880))
    second = seen("2", hours=860, fixed_at=NOON - timedelta(hours=840))
    third = seen("3", hours=draw.uniform(800, 835), fixed_at=NOON - timedelta(hours=draw.uniform(100, 700)))
    return Case("", judged(seen("now"), [first, second, third]))


def still_broken(draw: random.Random) -> Case:
    """Honest: says again what nobody has mended."""
    past = [seen(str(n), metres=draw.uniform(-10, 10), hours=draw.uniform(10, 400)) for n in range(3)]
    return Case("", judged(seen("now"), past))


def mended_badly(draw: random.Random) -> Case:
    """Honest: once mended and broken again the next day."""
    first = seen("1", hours=60, fixed_at=NOON - timedelta(hours=draw.uniform(5, 40)))
    return Case("", judged(seen("now"), [first]))


def jumps(draw: random.Random) -> Case:
    """Two photos "taken" far apart at nearly one time; some take their time and are not found."""
    careful = draw.random() < 0.15
    metres = draw.uniform(4000, 20_000)
    hours = metres / 1000 / (60 if careful else draw.uniform(150, 2000))
    return Case(cheats.SPEED, judged(seen("now"), [seen("1", metres=metres, hours=hours)]))


def rides(draw: random.Random) -> Case:
    """Honest: a fast rider, places a little wrong."""
    metres = draw.uniform(300, 12_000)
    hours = metres / 1000 / draw.uniform(15, 55)
    past = [seen("1", metres=metres + draw.uniform(-80, 80), hours=hours, accuracy_m=60.0)]
    return Case("", judged(seen("now"), past))


def was_offline(draw: random.Random) -> Case:
    """Honest: all photos of a tour arrive at one moment; the phone says when each was taken, or does not know."""
    knows = draw.random() < 0.5
    tour = [seen(str(n), metres=n * (2500 if knows else 1100), hours=n * 0.15) for n in range(1, 5)]
    past = [replace(one, at=NOON, taken_at=one.taken_at if knows else None) for one in tour]
    return Case("", judged(seen("now"), past))


def marks_on_the_map(draw: random.Random) -> Case:
    """Honest: at home, tells about a place that was passed earlier."""
    past = [seen("1", metres=draw.uniform(3000, 9000), hours=0.05, on_spot=False)]
    return Case("", judged(seen("now"), past))


def sends_it_again(draw: random.Random) -> Case:
    """The picture of another street, or of last month."""
    old = seen("1", metres=draw.uniform(300, 9000) * (draw.random() < 0.7), hours=draw.uniform(30, 900), taken_at=None)
    return Case(cheats.REUSED, judged(seen("now"), [], [old]))


def shared_in_a_group(draw: random.Random) -> Case:
    """Honest: two colleagues send one picture of one place within the hour."""
    same = seen("1", metres=draw.uniform(0, 100), hours=draw.uniform(0, 2), taken_at=None)
    return Case("", judged(seen("now"), [], [same]))


def farms(draw: random.Random) -> Case:
    """Parked bicycles one by one; the patient ones spread them over the afternoon and are not found."""
    patient = draw.random() < 0.2
    step = 0.35 if patient else draw.uniform(0.02, 0.15)
    past = [
        seen(str(n), metres=n * draw.uniform(2, 12), hours=n * step, cls="bike-parking", worth=3) for n in range(1, 9)
    ]
    return Case(cheats.FARMED, judged(seen("now", cls="bike-parking", worth=3), past))


def passes_a_market(draw: random.Random) -> Case:
    """Honest: a few small things along the way."""
    past = [
        seen(str(n), metres=n * draw.uniform(60, 200), hours=n * 0.2, cls="litter", worth=3)
        for n in range(1, draw.randint(3, 6))
    ]
    return Case("", judged(seen("now", cls="litter", worth=3), past))


def storm(draw: random.Random) -> Case:
    """Honest: after a storm, many dangerous things in an hour."""
    past = [seen(str(n), metres=n * draw.uniform(20, 90), hours=n * 0.1, cls="tree", worth=10) for n in range(1, 9)]
    return Case("", judged(seen("now", cls="tree", worth=10), past))


# ── groups ────────────────────────────────────────────────────────────────────
def ring(draw: random.Random) -> Case:
    """Two to five who support one another; some hide it among many honest supports."""
    size, hidden = draw.randint(2, 5), draw.random() < 0.15
    edges: Counter[tuple[str, str]] = Counter()
    for giver in range(size):
        for step in range(1, min(size, 3)):
            edges[f"r{giver}", f"r{(giver + step) % size}"] += draw.randint(4, 8)
        for _time in range(draw.randint(14, 18) if hidden else draw.randint(0, 2)):
            edges[f"r{giver}", f"x{draw.randint(0, 400)}"] += 1
    return Case(cheats.MUTUAL, _supports(edges, "r0"))


def station(draw: random.Random) -> Case:
    """Honest: a station's riders work in one area and support each other now and then, and others as often."""
    edges: Counter[tuple[str, str]] = Counter()
    for giver in range(12):
        for _time in range(draw.randint(3, 9)):
            getter = draw.randint(0, 11)
            if getter != giver:
                edges[f"s{giver}", f"s{getter}"] += 1
        for _time in range(draw.randint(4, 12)):
            edges[f"s{giver}", f"x{draw.randint(0, 40)}"] += 1
    return Case("", _supports(edges, "s0"))


def two_friends(draw: random.Random) -> Case:
    """Honest: two who see the same street, among much else."""
    edges = Counter({("a", "b"): 2, ("b", "a"): draw.randint(2, 3)})
    for number in range(draw.randint(6, 12)):
        edges["ab"[number % 2], f"x{number}"] += 1
    return Case("", _supports(edges, "a"))


def _supports(edges: Counter[tuple[str, str]], who: str) -> frozenset[str]:
    found = cheats.mutual_support(edges, who, POLICY)
    return frozenset((found.kind,) if found else ())


CHEATS: tuple[Callable[[random.Random], Case], ...] = (
    breaks_it_again, same_hour_each_day, handles_it_every_week, jumps, sends_it_again, farms, ring,
)  # fmt: skip
HONEST: tuple[Callable[[random.Random], Case], ...] = (
    bad_corner, complains_each_morning, still_broken, mended_badly, mended_twice_long_ago, rides, was_offline, marks_on_the_map, shared_in_a_group, passes_a_market,
    storm, station, two_friends,
)  # fmt: skip


@dataclass(slots=True)
class Figures:
    """Of one detector: cheats found and missed, honest accounts that it spoke of."""

    found: int = 0
    missed: int = 0
    wrong: int = 0

    @property
    def precision(self) -> int:
        return round(100 * self.found / max(self.found + self.wrong, 1))

    @property
    def recall(self) -> int:
        return round(100 * self.found / max(self.found + self.missed, 1))


def measure(each: int = 100) -> dict[str, Figures]:
    """Every maker `each` times."""
    draw = random.Random(20261122)
    figures = {kind: Figures() for kind in (cheats.OWN_MADE, cheats.REUSED, cheats.SPEED, cheats.MUTUAL, cheats.FARMED)}
    for make in (*CHEATS, *HONEST):
        for _time in range(each):
            case = make(draw)
            for kind, one in figures.items():
                one.found += kind == case.cheat and kind in case.found
                one.missed += kind == case.cheat and kind not in case.found
                one.wrong += kind != case.cheat and kind in case.found
    return figures
