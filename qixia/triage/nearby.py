"""Brings up the fingerprints around a place: the part of "seen before?" that the database does.

Cost     one statement for up to `TOGETHER` questions, in two parts each: the nearest open ones and the nearest closed ones,
         `NEAREST` of each at most. Cells narrow it by index, the box and the distance do the rest.
Written  by hand, for Django takes ten times as long to build it as a database to answer it, and puts no LIMIT inside a
         UNION on SQLite. What is put into the text are numbers that we count ourselves; everything else is a parameter.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import h3.api.basic_int as h3
from django.db import connection

from qixia.triage.duplicates.marks import Seen
from qixia.triage.duplicates.rules import Duplicates

RESOLUTION = 10
NEAREST = 48
TOGETHER = 50
_EDGE_M = 60.0  # of the smallest cell of that resolution
_DEGREE_M = 111_195.0
_PART = """
SELECT * FROM (
  SELECT {index} AS asked, ref, lat, lng, accuracy_m, at, closed_at, marks, photo_hash FROM triage_fingerprint
  WHERE cell IN ({cells}) AND {state} AND lat BETWEEN %s AND %s AND lng BETWEEN %s AND %s AND ref <> %s
  ORDER BY (lat - %s) * (lat - %s) + (lng - %s) * (lng - %s) * %s LIMIT {nearest}
) AS near
"""
_STATES = ("closed_at IS NULL AND at >= %s", "closed_at >= %s")


@dataclass(frozen=True, slots=True)
class Row:
    """One fingerprint as it is stored."""

    ref: str
    lat: float
    lng: float
    accuracy_m: float | None
    at: datetime
    closed_at: datetime | None
    marks: bytes
    photo_hash: int | None


def rounded(degrees: float) -> float:
    """To a centimetre. PostgreSQL refuses to square what is smaller than any distance on earth."""
    return round(degrees, 7)


def cell_of(lat: float, lng: float) -> int:
    return int(h3.latlng_to_cell(lat, lng, RESOLUTION))


def rows_near(items: Sequence[Seen], rules: Duplicates, now: datetime) -> list[list[Row]]:
    """For each of `items` the rows inside the radius: open ones of `days_open`, closed ones of `days_recurrence`."""
    found: list[list[Row]] = [[] for _ in items]
    for start in range(0, len(items), TOGETHER):
        for index, row in _asked(items[start : start + TOGETHER], rules, now):
            found[start + index].append(row)
    return found


def _asked(items: Sequence[Seen], rules: Duplicates, now: datetime) -> Iterator[tuple[int, Row]]:
    since = [_stored(now - timedelta(days=days)) for days in (rules.days_open, rules.days_recurrence)]
    pieces: list[str] = []
    values: list[str | float] = []
    for index, seen in enumerate(items):
        cells, box = _around(seen, rules.radius_m)
        for state, moment in zip(_STATES, since, strict=True):
            pieces.append(_PART.format(index=index, cells=cells, state=state, nearest=NEAREST))
            values += [moment, *box]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(pieces), values)
        for asked, ref, lat, lng, accuracy, at, closed, marks, photo in cursor.fetchall():
            yield asked, Row(ref, lat, lng, accuracy, _moment(at), _moment(closed) if closed else None, marks, photo)


def _around(seen: Seen, radius_m: float) -> tuple[str, list[str | float]]:
    """The cells that the radius can touch, and the parameters of box, ref and order."""
    ring = math.ceil((radius_m / _EDGE_M + 0.5) / 1.5)
    cells = h3.grid_disk(cell_of(seen.lat, seen.lng), ring)
    stretch = max(0.01, math.cos(math.radians(seen.lat)))
    up = radius_m / _DEGREE_M
    aside = up / stretch
    box = [seen.lat - up, seen.lat + up, seen.lng - aside, seen.lng + aside]
    lat, lng = rounded(seen.lat), rounded(seen.lng)
    order = [lat, lat, lng, lng, stretch * stretch]
    return ", ".join(map(str, cells)), [*box, seen.ref, *order]


def _stored(moment: datetime) -> str:
    return str(connection.ops.adapt_datetimefield_value(moment))


def _moment(value: datetime | str) -> datetime:
    """SQLite keeps UTC without saying so, and inside a subquery as text."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found if found.tzinfo else found.replace(tzinfo=UTC)
