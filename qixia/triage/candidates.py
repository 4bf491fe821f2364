"""Finds the earlier reports that a new one may be the same as. Reads only.

Cost     one statement for up to nearby.TOGETHER questions, whatever is stored; words are read by the model in use.
Units    metres, minutes; a score is a chance (0-1).
Errors   none: rows of an older kind of marks are passed over until `services.remember_many` makes them anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.utils.translation import gettext as _

from qixia.codes.queries import class_name
from qixia.kernel.errors import NotConfigured
from qixia.kernel.geo import Point, distance_m
from qixia.policy.queries import current
from qixia.triage import active
from qixia.triage.duplicates.features import Pair, Side, compare
from qixia.triage.duplicates.marks import BadMarks, Marks, Seen
from qixia.triage.duplicates.reading import Told, marks_of
from qixia.triage.duplicates.rules import DUPLICATES, Decision, Duplicates, decide, shipped_rules
from qixia.triage.duplicates.score import SignKind, Weights, shipped
from qixia.triage.nearby import Row, rows_near

_LIKELY = 0.3  # a class that the earlier one may be of
Says = Literal[
    "distance",
    "time",
    "class",
    "photo",
    "detail_other",
    "detail_same",
    "detail_lone",
    "object_other",
    "another",
    "meaning",
]


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that speaks for (weight > 0) or against, as facts: `says` is what of its kind, `about` names classes.
    `label` words it in the language of whoever reads."""

    kind: SignKind
    value: float
    weight: float
    says: Says
    about: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return sign_label(self.says, self.value, self.about)


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


def similar(seen: Seen, *, limit: int, now: datetime) -> list[Candidate]:
    """Up to `limit` candidates that are not "apart", the best first."""
    return similar_many([seen], limit=limit, now=now)[0]


def similar_many(items: Sequence[Seen], *, limit: int, now: datetime) -> list[list[Candidate]]:
    """The same for each of `items`, in their order. Words are read only where anything is near."""
    rules = rules_in_force()
    rows = rows_near(items, rules, now)
    asked = [index for index, found in enumerate(rows) if found]
    marks = dict(zip(asked, marks_many([items[index] for index in asked]), strict=True))
    return [
        _best(seen, marks[index], rows[index], rules, limit) if index in marks else []
        for index, seen in enumerate(items)
    ]


def around(seen: Seen, *, within_m: float, limit: int, now: datetime) -> list[Candidate]:
    """The open ones at a place, whatever they are of, the nearest first: for who has said no more than where. Nothing is
    compared, so a score is 0 and there are no signs."""
    rules, here = rules_in_force(), Point(seen.lat, seen.lng)
    near = [
        (distance_m(here, Point(row.lat, row.lng)), row)
        for row in rows_near([seen], rules, now)[0]
        if row.closed_at is None
    ]
    return [
        Candidate(row.ref, 0.0, metres, abs((seen.at - row.at).total_seconds()) / 60, True, "ask", ())
        for metres, row in sorted(near, key=lambda one: one[0])[:limit]
        if metres <= within_m
    ]


def _best(seen: Seen, marks: Marks, rows: Sequence[Row], rules: Duplicates, limit: int) -> list[Candidate]:
    weights = shipped()
    mine = Side(marks, Point(seen.lat, seen.lng), seen.accuracy_m, seen.at, photo_number(seen.photo_hash))
    found = [candidate for row in rows if (candidate := _candidate(mine, row, rules, weights)) is not None]
    found.sort(key=lambda one: (one.verdict == "recurrence", -one.score))
    return found[:limit]


def _candidate(mine: Side, row: Row, rules: Duplicates, weights: Weights) -> Candidate | None:
    try:
        theirs = Marks.from_bytes(row.marks)
    except BadMarks:
        return None
    side = Side(theirs, Point(row.lat, row.lng), row.accuracy_m, row.at, row.photo_hash)
    pair = compare(mine, side)
    score = weights.score(pair)
    closed_before = row.closed_at is not None and row.closed_at <= mine.when
    verdict = decide(score, pair.distance_m, rules, closed_before=closed_before)
    if verdict == "apart":
        return None
    signs = tuple(_signs(pair, weights, side))
    return Candidate(row.ref, score, pair.distance_m, pair.minutes_apart, row.closed_at is None, verdict, signs)


def _signs(pair: Pair, weights: Weights, theirs: Side) -> Iterator[Sign]:
    values = {"distance": pair.distance_m, "time": pair.minutes_apart, "words": pair.features["meaning"]}
    likely = tuple(slug for slug, chance in theirs.marks.classes if chance >= _LIKELY)
    for kind, weight in sorted(weights.signs(pair).items(), key=lambda item: -abs(item[1])):
        about = likely if kind == "class" else ()
        yield Sign(kind, values.get(kind, 1.0), weight, _says(kind, pair.features), about)


def _says(kind: SignKind, told: Mapping[str, float]) -> Says:
    if kind == "floor":
        return "detail_other" if told["detail_other"] else "detail_same" if told["detail_same"] else "detail_lone"
    if kind == "words":
        return "object_other" if told["object_other"] else "another" if told["another"] else "meaning"
    return kind


def sign_label(says: str, value: float, about: Sequence[str]) -> str:
    """A sign in the reader's language; "" for one that this release does not know."""
    if says == "distance":
        return _("相距 %(metres)d 米") % {"metres": round(value)}
    if says == "time":
        return _apart(value)
    if says == "class":
        names = "、".join(class_name(slug) for slug in about)
        return _("类别：%(names)s") % {"names": names} if names else _("看不出类别")
    if says == "meaning":
        return _("意思相近 %(percent)d%%") % {"percent": round(100 * value)}
    said = {
        "photo": _("照片是同一张"),
        "detail_other": _("楼号、楼层或门对不上"),
        "detail_same": _("楼号、楼层或门相同"),
        "detail_lone": _("只有一方说了楼号或楼层"),
        "object_other": _("说的不是同一样东西"),
        "another": _("有一方说是另一处或对面"),
    }
    return said.get(says, "")


def _apart(minutes: float) -> str:
    if minutes < 60:
        return _("相隔 %(minutes)d 分钟") % {"minutes": round(minutes)}
    if minutes < 60 * 48:
        return _("相隔 %(hours)d 小时") % {"hours": round(minutes / 60)}
    return _("相隔 %(days)d 天") % {"days": round(minutes / 1440)}
