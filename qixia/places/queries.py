"""Reads: what lies at a point, the ancestors of a grid cell, the base map.

Truth    the tables; each process keeps one `Atlas` made from them and looks every `REFRESH_S` seconds whether
         `MapVersion` has changed (one query). Between looks a question costs no query.
Errors   OutsideCity (422, field "place"); NotConfigured when no district has been loaded.
"""

from __future__ import annotations

import gzip
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from qixia.kernel.config import get_config
from qixia.kernel.errors import NotConfigured
from qixia.kernel.geo import Point
from qixia.places import basemap, finding
from qixia.places.atlas import Atlas, GridRow, Ground, RoadRow, ShapeRow, SiteRef, SiteRow
from qixia.places.finding import Hit
from qixia.places.models import Building, DivisionArea, Gate, GridCell, MapShape, MapVersion, Road, Site
from qixia.places.policy import KIND_NAME, Basemap
from qixia.places.rules import NoSuchGrid, OutsideCity, check_numbers
from qixia.policy.queries import current

REFRESH_S = 60.0


@dataclass(frozen=True, slots=True)
class Location:
    """Where a point lies. `community` and its ancestors are codes.Division rows, shared: don't change them."""

    grid_id: int | None
    grid_code: str | None
    community: Any
    site: SiteRef | None
    road: str | None
    number: int | None
    gate: str | None
    describe: str


@dataclass(frozen=True, slots=True)
class _Held:
    atlas: Atlas
    divisions: dict[int, Any]
    grid_index: dict[int, int]  # id → position in the atlas


_held: _Held | None = None
_looked_at = 0.0
_lock = threading.Lock()


# ── where is this? ───────────────────────────────────────────────────────────


def locate(point: Point) -> Location:
    """Grid cell, community, site, road and words for a point of the city; OutsideCity otherwise."""
    held = _current()
    _check(held, point)
    found = held.atlas.find(point)
    grid = held.atlas.ground.grids[found.grid] if found.grid is not None else None
    return Location(
        grid.id if grid else None,
        grid.code if grid else None,
        held.divisions[grid.community_id] if grid else None,
        found.site,
        found.road,
        found.number,
        found.gate,
        found.describe,
    )


def locate_many(points: Iterable[Point]) -> list[Location]:
    """`locate` for a batch."""
    return [locate(point) for point in points]


def find_words(text: str) -> Hit | None:
    """The place that a text names exactly, if it names one in the city; see finding.py. No query when warm."""
    held = _current()
    hit = finding.find_words(held.atlas, text)
    return hit if hit and held.atlas.covers(hit.point) else None


def in_city(point: Point) -> bool:
    """True; OutsideCity for a point outside, for 0,0 and for swapped coordinates, each in its own words."""
    _check(_current(), point)
    return True


def _check(held: _Held, point: Point) -> None:
    city = get_config().city_name
    check_numbers(point.lat, point.lng, bounds=held.atlas.bounds, city=city)
    if not held.atlas.covers(point):
        raise OutsideCity(field="place", city=city)


def ancestors(grid_id: int) -> tuple[Any, ...]:
    """Divisions of a grid cell, the community first, the root last. No query when warm."""
    held = _current()
    if grid_id not in held.grid_index:
        raise NoSuchGrid()
    row = held.atlas.ground.grids[held.grid_index[grid_id]]
    chain, division_id = [], row.community_id
    while division_id is not None:
        division = held.divisions[division_id]
        chain.append(division)
        division_id = division.parent_id
    return tuple(chain)


def city_bounds() -> tuple[float, float, float, float]:
    """West, south, east, north of the city, in degrees."""
    return _current().atlas.bounds


def site(public_id: str) -> Site | None:
    return Site.objects.filter(public_id=public_id, is_active=True).first()


def sites(kind: str | None = None) -> list[SiteRef]:
    """All sites, or those of a kind, in the order of their keys. No query when warm."""
    return [row.ref for row in _current().atlas.ground.sites if kind is None or row.ref.kind == kind]


# ── the map ──────────────────────────────────────────────────────────────────


def base_document() -> tuple[str, bytes, bytes]:
    """Version, JSON, the same gzipped."""
    atlas = _current().atlas
    return (atlas.ground.version, *_base_of(atlas))


@lru_cache(maxsize=2)
def _base_of(atlas: Atlas) -> tuple[bytes, bytes]:
    plain = basemap.document(atlas.ground)
    return plain, gzip.compress(plain, compresslevel=9, mtime=0)


def current_atlas() -> Atlas:
    return _current().atlas


def version() -> str | None:
    """Of the map in memory; None before the first district is loaded (so pages without a map still work)."""
    try:
        return _current().atlas.ground.version
    except NotConfigured:
        return None


def current_basemap() -> Basemap:
    """The base map that pages draw on; the built-in one where nothing was published."""
    try:
        data: Basemap = current(KIND_NAME).data
    except NotConfigured:
        return Basemap()
    return data


def tile_origins() -> list[str]:
    """Schemes and hosts that pages fetch tiles from, for the content security policy; none with the built-in map.

    A policy's wildcard covers whole labels only ("*.example", never "t*.example"), so subdomains are spelt out.
    """
    base = current_basemap()
    if base.kind != "xyz":
        return []
    parts = urlsplit(base.url)
    hosts = [parts.netloc.replace("{s}", letter) for letter in base.subdomains or " "]
    return [f"{parts.scheme}://{host.strip()}" for host in dict.fromkeys(hosts)]


# ── keeping the atlas ────────────────────────────────────────────────────────


def warm() -> None:
    """Load now: at the start of a worker, or before a test counts queries."""
    _current()


def forget() -> None:
    """Read anew at the next question: after a load in this process, and between tests."""
    global _held, _looked_at
    _held, _looked_at = None, 0.0


def _current() -> _Held:
    global _held, _looked_at
    held = _held
    if held is not None and time.monotonic() - _looked_at < REFRESH_S:
        return held
    with _lock:
        row = MapVersion.objects.filter(pk=1).first()
        if row is None:
            _held = None
            raise NotConfigured("no district is loaded: run `qixia load_district FILE` or `make demo`")
        if _held is None or _held.atlas.ground.version != row.version:
            _held = _load(row)
        _looked_at = time.monotonic()
        return _held


def _load(stamp: MapVersion) -> _Held:
    areas = list(DivisionArea.objects.select_related("division"))
    divisions = {area.division_id: area.division for area in areas}
    edge = next(area.geometry for area in areas if area.division.parent_id not in divisions)
    grids = [
        GridRow(g.id, g.code, g.community_id, divisions[g.community_id].name, g.geometry)
        for g in GridCell.objects.order_by("code")
    ]
    ground = Ground(
        version=stamp.version,
        name=stamp.name,
        is_demo=stamp.is_demo,
        edge=edge,
        grids=grids,
        sites=_site_rows(),
        roads=[RoadRow(r.name, r.kind, r.width_m, r.number_step_m, r.geometry) for r in Road.objects.all()],
        shapes=[ShapeRow(s.kind, s.name, s.geometry) for s in MapShape.objects.all()],
    )
    return _Held(Atlas(ground), divisions, {grid.id: i for i, grid in enumerate(grids)})


def _site_rows() -> list[SiteRow]:
    buildings: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for site_id, name, geometry in Building.objects.order_by("id").values_list("site_id", "name", "geometry"):
        buildings[site_id].append((name, geometry))
    gates: dict[int, list[tuple[str, float, float]]] = defaultdict(list)
    for site_id, name, lat, lng in Gate.objects.order_by("id").values_list("site_id", "name", "lat", "lng"):
        gates[site_id].append((name, lat, lng))
    return [
        SiteRow(
            SiteRef(s.id, s.public_id, s.name, s.kind),
            s.address,
            s.lat,
            s.lng,
            s.geometry,
            tuple(buildings[s.id]),
            tuple(gates[s.id]),
        )
        for s in Site.objects.filter(is_active=True)
    ]
