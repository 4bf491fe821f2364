"""Finds the earlier reports that a new one may be the same as. Reads only.

Cost     two statements whatever is stored: the nearest open ones and the nearest closed ones, `NEAREST` of each at most;
         for a batch the same parts, put together into one statement for each `TOGETHER` reports.
Units    metres, minutes; a score is a chance (0-1).
Errors   none: rows of an older kind of marks are passed over until `services.remember_many` makes them anew.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import h3
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from qixia.codes.queries import class_name
from qixia.kernel.errors import NotConfigured
from qixia.kernel.geo import Point
from qixia.policy.queries import current
from qixia.triage import active
from qixia.triage.duplicates.features import Pair, Side, compare
from qixia.triage.duplicates.marks import BadMarks, Marks, Seen
from qixia.triage.duplicates.reading import Told, marks_of
from qixia.triage.duplicates.rules import DUPLICATES, Decision, Duplicates, decide, shipped_rules
from qixia.triage.duplicates.score import SignKind, Weights, shipped
from qixia.triage.models import Fingerprint

RESOLUTION = 10
NEAREST = 48
TOGETHER = 50  # reports whose questions make one statement; SQLite allows 500 parts
_CELL_M = 110.0  # two rings' centres are at least this far apart
_DEGREE_M = 111_195.0
_COLUMNS = ("ref", "lat", "lng", "accuracy_m", "at", "closed_at", "marks", "photo_hash")


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that speaks for (weight > 0) or against. `label` is in the reader's language."""

    kind: SignKind
    value: float
    weight: float
    label: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """An earlier report that the new one may be the same as."""

    ref: str
    score: float
    distance_m: float
    minutes_apart: float
    is_open: bool
    verdict: Decision
    signs: tuple[Sign, ...]


def rules_in_force() -> Duplicates:
    """The published policy; before any was published, the shipped one."""
    try:
        found: Duplicates = current(DUPLICATES).data
    except NotConfigured:
        return shipped_rules()
    return found


def marks_many(items: Sequence[Seen]) -> list[Marks]:
    """Marks of each, by the model that is in use here."""
    return marks_of([Told(seen.words, seen.floor, seen.cls) for seen in items], active.model())


def photo_number(value: str | int | None) -> int | None:
    """A hash as media keeps it (signed 64 bits), also from sixteen hexadecimal digits."""
    if value is None or value == "":
        return None
    number = int(value, 16) if isinstance(value, str) else value
    return number - (1 << 64) if number >= 1 << 63 else number


def cell_of(lat: float, lng: float) -> int:
    return h3.str_to_int(h3.latlng_to_cell(lat, lng, RESOLUTION))


def similar(seen: Seen, *, limit: int, now: datetime) -> list[Candidate]:
    """Up to `limit` candidates that are not "apart", the best first."""
    rules = rules_in_force()
    return _best(seen, rows_near(seen, rules, now), rules, limit)


def similar_many(items: Sequence[Seen], *, limit: int, now: datetime) -> list[list[Candidate]]:
    """The same for each of `items`, in their order."""
    rules, found = rules_in_force(), []
    for start in range(0, len(items), TOGETHER):
        part = items[start : start + TOGETHER]
        rows = _rows_of([_parts(seen, rules, now) for seen in part])
        found += [_best(seen, rows[index], rules, limit) for index, seen in enumerate(part)]
    return found


def _rows_of(asked: Sequence[Sequence[QuerySet[Any, dict[str, Any]]]]) -> dict[int, list[dict[str, Any]]]:
    """Position → its rows. Django puts no LIMIT inside a UNION on SQLite, so the parts are put together here."""
    pieces: list[str] = []
    values: list[Any] = []
    for index, parts in enumerate(asked):
        for part in parts:
            sql, params = part[:NEAREST].values("id", *_COLUMNS).query.sql_with_params()
            pieces.append(f"SELECT {index} AS asked, near.* FROM ({sql}) AS near")
            values += params
    rows: dict[int, list[dict[str, Any]]] = defaultdict(list)
    if pieces:
        for row in Fingerprint.objects.raw(" UNION ALL ".join(pieces), values):
            rows[row.asked].append({name: getattr(row, name) for name in _COLUMNS})
    return rows


def _best(seen: Seen, rows: Sequence[dict[str, Any]], rules: Duplicates, limit: int) -> list[Candidate]:
    if not rows:
        return []
    weights = shipped()
    mine = Side(
        marks_many([seen])[0], Point(seen.lat, seen.lng), seen.accuracy_m, seen.at, photo_number(seen.photo_hash)
    )
    found = [candidate for row in rows if (candidate := _candidate(mine, row, rules, weights)) is not None]
    found.sort(key=lambda one: (one.verdict == "recurrence", -one.score))
    return found[:limit]


def rows_near(seen: Seen, rules: Duplicates, now: datetime) -> list[dict[str, Any]]:
    """The nearest rows inside the radius: open ones of `days_open`, closed ones of `days_recurrence`."""
    return [row for part in _parts(seen, rules, now) for row in part[:NEAREST]]


def _parts(seen: Seen, rules: Duplicates, now: datetime) -> list[QuerySet[Any, dict[str, Any]]]:
    near = _in_reach(seen, rules.radius_m)
    still_open = near.filter(closed_at=None, at__gte=now - timedelta(days=rules.days_open))
    closed = near.filter(closed_at__gte=now - timedelta(days=rules.days_recurrence))
    return [still_open, closed]


def _in_reach(seen: Seen, radius_m: float) -> QuerySet[Any, dict[str, Any]]:
    ring = math.ceil(radius_m / _CELL_M)
    cells = [h3.str_to_int(cell) for cell in h3.grid_disk(h3.latlng_to_cell(seen.lat, seen.lng, RESOLUTION), ring)]
    up = radius_m / _DEGREE_M
    stretch = max(0.01, math.cos(math.radians(seen.lat)))
    aside = up / stretch
    box = {"lat__range": (seen.lat - up, seen.lat + up), "lng__range": (seen.lng - aside, seen.lng + aside)}
    north, east = F("lat") - seen.lat, (F("lng") - seen.lng) * stretch
    rows = Fingerprint.objects.filter(cell__in=cells, **box).exclude(ref=seen.ref)
    return rows.order_by(north * north + east * east).values(*_COLUMNS)


def _candidate(mine: Side, row: dict[str, Any], rules: Duplicates, weights: Weights) -> Candidate | None:
    try:
        theirs = Marks.from_bytes(row["marks"])
    except BadMarks:
        return None
    side = Side(theirs, Point(row["lat"], row["lng"]), row["accuracy_m"], row["at"], row["photo_hash"])
    pair = compare(mine, side)
    score = weights.score(pair)
    closed_before = row["closed_at"] is not None and row["closed_at"] <= mine.when
    verdict = decide(score, pair.distance_m, rules, closed_before=closed_before)
    if verdict == "apart":
        return None
    signs = tuple(_signs(pair, weights, side))
    return Candidate(row["ref"], score, pair.distance_m, pair.minutes_apart, row["closed_at"] is None, verdict, signs)


def _signs(pair: Pair, weights: Weights, theirs: Side) -> Iterator[Sign]:
    values = {"distance": pair.distance_m, "time": pair.minutes_apart, "words": pair.features["words"]}
    for kind, weight in sorted(weights.signs(pair).items(), key=lambda item: -abs(item[1])):
        yield Sign(kind, values.get(kind, 1.0), weight, _label(kind, pair, theirs))


def _label(kind: SignKind, pair: Pair, theirs: Side) -> str:
    told = pair.features
    if kind == "distance":
        return _("相距 %(metres)d 米") % {"metres": round(pair.distance_m)}
    if kind == "time":
        return _apart(pair.minutes_apart)
    if kind == "class":
        names = "、".join(class_name(slug) for slug, chance in theirs.marks.classes if chance >= 0.3)
        return _("类别：%(names)s") % {"names": names} if names else _("看不出类别")
    if kind == "photo":
        return _("照片是同一张")
    if kind == "floor":
        return _("楼号、楼层或门对不上") if told["detail_other"] else _("楼号、楼层或门相同")
    if told["object_other"]:
        return _("说的不是同一样东西")
    if told["another"]:
        return _("有一方说是另一处或对面")
    return _("说法相近 %(percent)d%%") % {"percent": round(100 * told["words"])}


def _apart(minutes: float) -> str:
    if minutes < 60:
        return _("相隔 %(minutes)d 分钟") % {"minutes": round(minutes)}
    if minutes < 60 * 48:
        return _("相隔 %(hours)d 小时") % {"hours": round(minutes / 60)}
    return _("相隔 %(days)d 天") % {"days": round(minutes / 1440)}
