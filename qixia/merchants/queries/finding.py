"""What riders find: open ones first, then near ones; by need or kind; as a list or on a map.

Cost     a page is four queries however many merchants there are: places and hours of the candidates, the rows of the
         page, their perks, the kinds with their numbers. Candidates are read by cell where a position is known. Whether
         one is open is asked once an expression.
Pages    by key: (closed, metres, row), so that nobody sees a shop twice when another one comes in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from qixia.kernel import clock, hours
from qixia.kernel.geo import Frame, Point, distance_m
from qixia.merchants import access, rules
from qixia.merchants.models import Merchant
from qixia.merchants.queries.rating import published_of
from qixia.merchants.queries.words import Now, PerkView, now_of, perks_of
from qixia.policy.queries import current
from qixia.ui.paging import Page

PAGE = 20
_CELL_PX = 72
_MOST_POINTS = 300
Key = tuple[bool, int, int]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a rider looks for. `here` is None where the position is not known."""

    need: str = ""
    kind: str = ""
    open_only: bool = False
    here: Point | None = None
    anywhere: bool = False  # beyond near_m too


@dataclass(frozen=True, slots=True)
class Card:
    public_id: str
    name: str
    kind: str
    icon: str
    address: str
    metres: int | None
    now: Now
    perks: list[PerkView]
    stars: str
    rated: int

    @property
    def km(self) -> str:
        return f"{(self.metres or 0) / 1000:.1f}"


@dataclass(frozen=True, slots=True)
class KindCount:
    slug: str
    title: str
    icon: str
    need: str
    count: int


def shops(wish: Wish, after: str = "") -> Page[Card]:
    """One page. Three queries."""
    now = clock.now()
    keys = sorted(_keys(wish, now))
    start = _read_key(after)
    rest = [key for key in keys if start is None or key > start]
    chosen, more = rest[:PAGE], len(rest) > PAGE
    rows = Merchant.objects.select_related("organisation").in_bulk([pk for _closed, _metres, pk in chosen])
    perks = perks_of(rows)
    cards = [card_of(rows[pk], wish.here, now, perks.get(pk, [])) for _closed, _metres, pk in chosen if pk in rows]
    return Page(cards, after="-".join(str(int(part)) for part in chosen[-1]) if more else None, total=len(keys))


def _keys(wish: Wish, now: datetime) -> list[Key]:
    policy: rules.KindsPolicy = current("merchants.kinds").data
    rows = _wanted(wish, policy)
    near = policy.near_m if wish.here is not None and not wish.anywhere else None
    if wish.here is not None and near is not None:
        rows = rows.filter(cell__in=rules.cells_around(wish.here, near))
    known: dict[str, bool] = {}
    found: list[Key] = []
    for pk, lat, lng, opening in rows.values_list("pk", "lat", "lng", "hours"):
        if opening not in known:
            known[opening] = hours.is_open(opening, now)
        is_open = known[opening]
        metres = round(distance_m(wish.here, Point(lat, lng))) if wish.here is not None else 0
        if (is_open or not wish.open_only) and (near is None or metres <= near):
            found.append((not is_open, metres, pk))
    return found


def _wanted(wish: Wish, policy: rules.KindsPolicy) -> QuerySet[Merchant]:
    rows = access.shown()
    if wish.kind:
        return rows.filter(kind=wish.kind)
    return rows.filter(kind__in=policy.kinds_of(wish.need)) if wish.need else rows


def _read_key(text: str) -> Key | None:
    """A page's key from the address; a wrong one is the first page."""
    parts = text.split("-")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 12 for part in parts):
        return None
    return bool(int(parts[0])), int(parts[1]), int(parts[2])


def card_of(row: Merchant, here: Point | None, now: datetime, perks: list[PerkView]) -> Card:
    policy: rules.KindsPolicy = current("merchants.kinds").data
    kind, (rated, stars) = policy.kind(row.kind), published_of(row, policy)
    return Card(
        public_id=row.public_id,
        name=row.organisation.name,
        kind=_(kind.title) if kind else row.kind,
        icon=kind.icon if kind else "building-store",
        address=row.address,
        metres=round(distance_m(here, Point(row.lat, row.lng))) if here is not None else None,
        now=now_of(row.hours, now),
        perks=perks,
        stars=stars,
        rated=rated,
    )


def kind_counts() -> list[KindCount]:
    """Every kind with how many shops riders see of it, in the order of the policy. One query."""
    policy: rules.KindsPolicy = current("merchants.kinds").data
    counted = dict(access.shown().order_by().values_list("kind").annotate(n=Count("pk")))
    return [KindCount(one.slug, _(one.title), one.icon, one.need, counted.get(one.slug, 0)) for one in policy.kinds]


def on_map(wish: Wish, frame: Frame) -> dict[str, list[Any]]:
    """{"points": …, "clusters": …, "heat": []} as places/clusters.js wants them. Two queries."""
    policy: rules.KindsPolicy = current("merchants.kinds").data
    rows = _wanted(wish, policy).filter(
        lat__gte=frame.south, lat__lte=frame.north, lng__gte=frame.west, lng__lte=frame.east
    )
    size = 360 * _CELL_PX / (256 * 2**frame.zoom)
    cells: dict[tuple[int, int], list[tuple[int, float, float]]] = {}
    for pk, lat, lng in rows.values_list("pk", "lat", "lng"):
        cells.setdefault((math.floor(lat / size), math.floor(lng / size)), []).append((pk, lat, lng))
    single = [group[0][0] for group in cells.values() if len(group) == 1][:_MOST_POINTS]
    return {
        "points": _points(single),
        "clusters": [_cluster(group) for group in cells.values() if len(group) > 1],
        "heat": [],
    }


def _cluster(group: list[tuple[int, float, float]]) -> dict[str, Any]:
    count = len(group)
    lat, lng = sum(one[1] for one in group) / count, sum(one[2] for one in group) / count
    return {"lat": round(lat, 6), "lng": round(lng, 6), "count": count, "worst": "low"}


def _points(ids: list[int]) -> list[dict[str, Any]]:
    """Open ones are ticked, closed ones are rings: told by shape."""
    now, found = clock.now(), []
    for row in Merchant.objects.select_related("organisation").filter(pk__in=ids):
        at = now_of(row.hours, now)
        found.append(
            {
                "id": row.public_id,
                "lat": row.lat,
                "lng": row.lng,
                "severity": "low",
                "state": "fixed" if at.is_open else "wait",
                "title": row.organisation.name,
                "place": at.words,
                "url": reverse("merchants:shop", args=[row.public_id]),
            }
        )
    return found
