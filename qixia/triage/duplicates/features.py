"""What speaks for and against two reports being the same matter, as numbers. Pure and symmetric in its two sides.

Units    every feature is about 0-1, those of distance and time up to 5; `FEATURES` says which way each may count.
Monotone more metres, days, contradictions never raise the score: `train` keeps to the signs in `FEATURES`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import product

from qixia.kernel.geo import Point, distance_m
from qixia.triage.duplicates.details import Kind
from qixia.triage.duplicates.marks import Marks, likeness

# name → (least, most) weight that training may give it.
FEATURES: Mapping[str, tuple[float | None, float | None]] = {
    "far": (None, 0.0),  # by how much the distance exceeds what both positions may be off, squared
    "days": (None, 0.0),  # log of the days between
    "class_same": (0.0, None),  # share of the class chances that agree
    "class_apart": (None, 0.0),  # the chance that they are of classes that nobody confuses
    "meaning": (0.0, None),  # how near their sentence vectors are
    "alike": (0.0, None),  # the same class, or both name the same object (箅子)
    "object_other": (None, 0.0),  # both name one, and not the same
    "detail_same": (0.0, None),  # both say 3号楼, 东门, 5楼, …
    "detail_other": (None, 0.0),  # one says 3号楼, the other 5号楼
    "lone_indoors": (None, 0.0),  # only one says such a thing, of a matter that every building has (lift, stairs)
    "another": (None, 0.0),  # one says that it is another one, or across the road
    "photo": (0.0, None),  # the same picture
}
# Of a phone that doesn't say: a usual error between houses.
ACCURACY_M = 20.0
# Two exact positions of one thing still differ by where the riders stood.
STANDING_M = 10.0
PHOTO_BITS = 8
_ALL_BITS = (1 << 64) - 1  # hashes are kept as signed numbers
_UNKNOWN_MEANING = 0.35
# Classes that riders and machines take for each other, by TRIAGE-LABELS "Borders".
CONFUSED: tuple[frozenset[str], ...] = tuple(
    frozenset(line.split())
    for line in (
        "drain waterlogging sewage pipe-burst manhole toilet",
        "road-damage road-collapse manhole accessible-path",
        "litter bin-overflow construction-waste clutter green road-dirty",
        "road-dirty spill construction-site",
        "clutter fire-lane bike-parking ebike-charging",
        "car-parking fire-lane accessible-path congestion",
        "construction-site road-damage noise",
        "cable power-facility streetlight tree",
        "food-hygiene food-harm food-licence ghost-kitchen",
        "bike-parking shared-bike accessible-path",
        "parking-need charging-pile car-parking ebike-charging",
        "gate-access map-wrong",
        "traffic-light congestion sign road-marking",
        "fire burning smoke charging-pile ebike-charging power-facility gas",
        "falling-object signboard illegal-build illegal-ads",
        "tree green",
        "river sewage litter dead-animal",
        "fire-equipment pipe-burst",
        "stall bike-parking signboard litter",
        "person-at-risk public-order",
        "guardrail sign car-parking",
        "locker station-need parking-need",
        "fitness green other",
    )
)
# Every building has its own: without the number one does not know which.
INDOORS = frozenset(
    ["lift", "fire-lane", "fire-equipment", "ebike-charging", "falling-object", "gate-access", "map-wrong"]
)
_EXACT = (Kind.BUILDING, Kind.UNIT, Kind.FLOOR, Kind.ROOM, Kind.GATE, Kind.EXIT, Kind.NUMBER)
_TELLING = (Kind.BUILDING, Kind.UNIT, Kind.FLOOR, Kind.ROOM, Kind.NUMBER)
_LOOSE = (Kind.SIDE, Kind.HEADING)


@dataclass(frozen=True, slots=True)
class Side:
    """One of two reports."""

    marks: Marks
    at: Point
    accuracy_m: float | None
    when: datetime
    photo_hash: int | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two reports compared: metres, minutes, and the features in the order of FEATURES."""

    distance_m: float
    minutes_apart: float
    features: Mapping[str, float]


def compare(a: Side, b: Side) -> Pair:
    metres = distance_m(a.at, b.at)
    minutes = abs((a.when - b.when).total_seconds()) / 60
    found = {
        **_distance(metres, a.accuracy_m, b.accuracy_m),
        "days": math.log1p(minutes / 1440),
        **_classes(a.marks.classes, b.marks.classes),
        "meaning": _meaning(likeness(a.marks, b.marks)),
        **_details(a.marks.tokens, b.marks.tokens),
        "photo": float(_same_photo(a.photo_hash, b.photo_hash)),
    }
    found["lone_indoors"] = found["lone"] * min(_indoors(a.marks.classes), _indoors(b.marks.classes))
    found["alike"] = 1 - (1 - found["class_same"]) * (1 - found["object_same"] * (1 - found["clash"]))
    return Pair(metres, minutes, {name: found[name] for name in FEATURES})


def _distance(metres: float, *accuracies: float | None) -> dict[str, float]:
    known = (ACCURACY_M if one is None else min(max(one, 3.0), 100.0) for one in accuracies)
    ratio = metres / math.sqrt(sum(one * one for one in known) + STANDING_M**2)
    return {"far": min(max(0.0, ratio - 1.0) ** 2, 9.0)}


def _classes(a: Collection[tuple[str, float]], b: Collection[tuple[str, float]]) -> dict[str, float]:
    if not a or not b:
        return {"class_same": 0.0, "class_apart": 0.0, "clash": 0.0}
    theirs = dict(b)
    same = min(1.0, sum(math.sqrt(chance * theirs.get(slug, 0.0)) for slug, chance in a))
    clashes = [(min(p, q), _confused(x, y)) for (x, p), (y, q) in product(a, b) if x != y]
    clash = max((sure for sure, _ in clashes), default=0.0)
    apart = max((sure for sure, confused in clashes if not confused), default=0.0)
    return {"class_same": same, "class_apart": apart, "clash": clash}


def _indoors(classes: Collection[tuple[str, float]]) -> float:
    return sum(chance for slug, chance in classes if slug in INDOORS)


def _confused(x: str, y: str) -> bool:
    return any(x in group and y in group for group in CONFUSED)


def _meaning(cosine: float | None) -> float:
    """0 to 1: these vectors lie so close that two sentences at random have a cosine of about 0.85."""
    return _UNKNOWN_MEANING if cosine is None else min(max((cosine - 0.8) * 5, 0.0), 1.0)


def _details(a: Mapping[int, frozenset[int]], b: Mapping[int, frozenset[int]]) -> dict[str, float]:
    same = other = 0.0
    for kind in (*_EXACT, *_LOOSE):
        mine, theirs = a.get(kind), b.get(kind)
        if mine and theirs:
            weight = 1.0 if kind in _EXACT else 0.5
            same, other = (same + weight, other) if mine & theirs else (same, other + weight)
    lone = any((kind in a) != (kind in b) for kind in _TELLING)
    objects = _set(a, b, Kind.OBJECT)
    apart = [kind for kind in (Kind.OTHER, Kind.ACROSS) if (kind in a) != (kind in b)]
    return {
        "object_same": objects[0],
        "object_other": objects[1],
        "detail_same": min(same, 2.0),
        "detail_other": min(other, 2.0),
        "lone": float(lone and not same and not other),
        "another": float(bool(apart)),
    }


def _set(a: Mapping[int, frozenset[int]], b: Mapping[int, frozenset[int]], *kinds: Kind) -> tuple[float, float]:
    """(1, 0) if both name a same one, (0, 1) if both name some and none is the same, else (0, 0)."""
    pairs = [(a[kind], b[kind]) for kind in kinds if kind in a and kind in b]
    if not pairs:
        return 0.0, 0.0
    return (1.0, 0.0) if any(mine & theirs for mine, theirs in pairs) else (0.0, 1.0)


def _same_photo(a: int | None, b: int | None) -> bool:
    """Hash 0 is a featureless picture: it resembles nothing."""
    if not a or not b:
        return False
    return ((a ^ b) & _ALL_BITS).bit_count() <= PHOTO_BITS
