"""What is decided about a report, without a database.

Routing  the most special row that fits wins; equal ones by their order. A fallback always fits.
Clocks   how much of a limit is left; limits and moments are in clocks.py.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from difflib import SequenceMatcher
from typing import Any, Literal, Protocol

from qixia.kernel.errors import Invalid
from qixia.reports.policy import RoutingRow

ANSWER_LIMIT = timedelta(hours=24)
WORDS_MAX = 2000
PLACE_MAX = 40
NOTE_MAX = 1000
PHOTOS_MAX = 9
CLIPS_MAX = 1
# On what grounds (audit.rules.BASES) who reported is opened, and a picture as it came.
REVEAL_BASES = ("law", "emergency", "safety", "complaint")
ORIGINAL_BASES = (*REVEAL_BASES, "check")
# What a control character may hide is never wanted; line breaks and tabs become spaces in one-line fields.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\u200c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")

ClockKind = Literal["ok", "soon", "over", "kept"]


@dataclass(frozen=True, slots=True)
class Place:
    """What routing asks of a place."""

    division_path: str = ""  # "990000/990100/…/"
    site_kind: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """The unit that gets it, and the row that said so."""

    unit: str
    row: RoutingRow


@dataclass(frozen=True, slots=True)
class Clock:
    """How much of a limit is left. `left` is negative when it is over."""

    kind: ClockKind
    left: timedelta
    fraction: float


def route(rows: Sequence[RoutingRow], *, cls: str, family: str, place: Place) -> Route:
    """The unit that must act, by the most special row that fits."""
    fitting = [row for row in rows if _fits(row, cls, family, place)]
    best = max(fitting, key=lambda row: _speciality(row, place))
    return Route(best.unit, best)


def _fits(row: RoutingRow, cls: str, family: str, place: Place) -> bool:
    return (
        row.cls in (None, cls)
        and row.family in (None, family)
        and row.site_kind in (None, place.site_kind)
        and (row.division is None or row.division in place.division_path.split("/"))
    )


def _speciality(row: RoutingRow, place: Place) -> tuple[bool, bool, bool, int]:
    depth = place.division_path.split("/").index(row.division) + 1 if row.division else 0
    return (row.cls is not None, row.family is not None, row.site_kind is not None, depth)


def clock(start: datetime, due: datetime, *, done: datetime | None, now: datetime, soon: float) -> Clock:
    """The state of one limit: kept or over when done, else by what is left."""
    span = max((due - start).total_seconds(), 1.0)
    left = due - (done or now)
    if done:
        return Clock("kept" if left >= timedelta() else "over", left, max(0.0, min(1.0, left.total_seconds() / span)))
    fraction = left.total_seconds() / span
    if fraction <= 0:
        return Clock("over", left, 0.0)
    return Clock("soon" if fraction < soon else "ok", left, min(1.0, fraction))


SPANS = ("%(m)d 分", "%(h)d 时", "%(h)d 时 %(m)d 分", "%(d)d 天", "%(d)d 天 %(h)d 时")


def span_words(span: timedelta) -> tuple[str, dict[str, int]]:
    """9 分 · 1 时 24 分 · 2 天 3 时: the two largest parts, never negative; as a text and what fills its places."""
    minutes = int(abs(span.total_seconds()) // 60)
    parts = {"d": minutes // 1440, "h": minutes // 60 % 24, "m": minutes % 60}
    if parts["d"]:
        return SPANS[4 if parts["h"] else 3], parts
    if parts["h"]:
        return SPANS[2 if parts["m"] else 1], parts
    return SPANS[0], parts


METRES_A_DEGREE = 111_320.0


def cell_middle(lat: float, lng: float, cell_m: int) -> tuple[float, float]:
    """The middle of the fixed square of `cell_m` metres that a place lies in: what the public may know of a sensitive
    one. The squares depend on nothing but their size, so asking often or from many sides tells no more."""
    tall = cell_m / METRES_A_DEGREE
    middle = (math.floor(lat / tall) + 0.5) * tall
    wide = tall / math.cos(math.radians(middle))
    return round(middle, 6), round((math.floor(lng / wide) + 0.5) * wide, 6)


def clean_text(text: str, *, field: str, limit: int, one_line: bool = False) -> str:
    """Text as it may be stored: composed, without control and direction characters. Invalid if it is too long."""
    kept = _CONTROL.sub("", unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))).strip()
    if one_line:
        kept = " ".join(kept.split())
    if len(kept) > limit:
        raise Invalid("文字太长：最多 %(limit)d 个字，现在 %(given)d 个。", field=field, limit=limit, given=len(kept))
    return kept


def required_text(text: str, *, field: str, limit: int = NOTE_MAX) -> str:
    """Like `clean_text`; Invalid if nothing is left."""
    kept = clean_text(text, field=field, limit=limit)
    if not kept:
        raise Invalid("请写一句说明。", field=field)
    return kept


def day(text: str, *, field: str) -> date | None:
    """What a date field holds; None if it was left empty."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise Invalid("请选一天。", field=field) from error


def place_line(described: str, parts: Iterable[str]) -> str:
    """云帆路 88 号 锦澜花园 3栋 12层 货梯口."""
    return " ".join(part for part in (described, *parts) if part)


# ── merging ───────────────────────────────────────────────────────────────────
_RANK = {"low": 1, "normal": 2, "high": 3, "critical": 4}


@dataclass(frozen=True, slots=True)
class Standing:
    """What of a case a merge may change: it only ever gets more severe and earlier due."""

    severity: str
    rings: bool
    receive_due: datetime | None
    answer_due: datetime
    resolve_due: datetime | None

    def joined(self, other: Standing) -> Standing:
        """This case after the other one came to it."""
        severity = self.severity if rank(self.severity) >= rank(other.severity) else other.severity
        return Standing(
            severity=severity,
            rings=self.rings or severity == "critical",
            receive_due=_earliest(self.receive_due, other.receive_due),
            answer_due=min(self.answer_due, other.answer_due),
            resolve_due=_earliest(self.resolve_due, other.resolve_due),
        )

    def as_text(self) -> dict[str, Any]:
        """For a record: moments as ISO 8601."""
        return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in self.columns()}

    def columns(self) -> list[tuple[str, Any]]:
        return [(name, getattr(self, name)) for name in STANDING]

    @classmethod
    def of_text(cls, kept: Mapping[str, Any]) -> Standing:
        """From a record."""
        return cls(
            severity=kept["severity"],
            rings=kept["rings"],
            receive_due=_moment(kept["receive_due"]),
            answer_due=datetime.fromisoformat(kept["answer_due"]),
            resolve_due=_moment(kept["resolve_due"]),
        )


def _moment(kept: str | None) -> datetime | None:
    return datetime.fromisoformat(kept) if kept else None


STANDING = ("severity", "rings", "receive_due", "answer_due", "resolve_due")


def rank(severity: str) -> int:
    """How bad, for comparing; unknown is less than all."""
    return _RANK.get(severity, 0)


def _earliest(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((moment for moment in (one, other) if moment is not None), default=None)


def is_sensitive(sensitive: Collection[str], *, cls: str, runner_up: str, state: str, sorted_by_person: bool) -> bool:
    """Whether a matter could name a person, or may yet turn out to: what waits for a clerk, and whose second guess is
    such a class."""
    return cls in sensitive or state == "sorting" or (runner_up in sensitive and not sorted_by_person)


SAME_MIN = 2  # characters; a single one is in every text
_COMPARED = 400  # characters of each; the rest is shown unmarked, because comparing grows with the square


def same_words(text: str, other: str) -> list[tuple[int, int]]:
    """Stretches of `text` that `other` has too, as (start, end), in order and apart."""
    found = SequenceMatcher(None, text[:_COMPARED], other[:_COMPARED], autojunk=False).get_matching_blocks()
    return [
        (one.a, one.a + one.size) for one in found if one.size >= SAME_MIN and text[one.a : one.a + one.size].strip()
    ]


class HasPlace(Protocol):
    lat: float
    lng: float


def apart(one: HasPlace, other: HasPlace) -> float:
    """Metres between two places of one city."""
    east, north = offset_m(one, other)
    return round(math.hypot(east, north), 1)


def offset_m(one: HasPlace, other: HasPlace) -> tuple[float, float]:
    """Metres to the east and to the north from one place to the other."""
    north = (other.lat - one.lat) * METRES_A_DEGREE
    return (other.lng - one.lng) * METRES_A_DEGREE * math.cos(math.radians(one.lat)), north


_CLEAR_FROM = 8  # characters that say more than the class


def quality_of(place_source: str, words: str) -> tuple[str, ...]:
    """Facts about how something was reported, as the points' table may weigh them (rewards.rules.QUALITIES)."""
    place = {"gps": "at-place", "photo": "from-album", "map": "on-map"}.get(place_source)
    said = "clear-words" if len(words.strip()) >= _CLEAR_FROM else "few-words"
    return (place, said) if place else (said,)
