"""The ground in memory: what lies at a point, in tens of microseconds and without a query.

Units    metres on a plane that touches the ground in the city's middle (error < 0.1 % within 30 km); degrees WGS-84
         come in. Tolerances are the constants below.
Truth    the rows that `queries` hands over; an atlas never changes after it is made, so threads share it.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from shapely import Point as PlanePoint
from shapely import STRtree

from qixia.kernel.geo import Point
from qixia.places.rules import Spot, house_number, words

BESIDE_SITE_M = 30.0
BESIDE_STOP_M = 18.0
AT_GATE_M = 28.0
BESIDE_BUILDING_M = 12.0
ROAD_WITHIN_M = 60.0  # from the kerb
CROSSING_M = 3.0
GRID_GAP_M = 60.0  # a survey may leave slits between cells


@dataclass(frozen=True, slots=True)
class SiteRef:
    id: int
    public_id: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Found:
    """Keys of what was found; `queries.Location` adds the rows behind them."""

    grid: int | None  # position in the atlas
    site: SiteRef | None
    road: str | None
    number: int | None
    gate: str | None
    describe: str


@dataclass(frozen=True, slots=True)
class GridRow:
    id: int
    code: str
    community_id: int
    community: str
    geometry: str


@dataclass(frozen=True, slots=True)
class SiteRow:
    ref: SiteRef
    address: str
    lat: float
    lng: float
    geometry: str
    buildings: tuple[tuple[str, str], ...]  # name, geometry
    gates: tuple[tuple[str, float, float], ...]  # name, lat, lng


@dataclass(frozen=True, slots=True)
class RoadRow:
    name: str
    kind: str
    width_m: float
    step_m: float
    geometry: str


@dataclass(frozen=True, slots=True)
class ShapeRow:
    kind: str
    name: str
    geometry: str


@dataclass(frozen=True, slots=True)
class Ground:
    """Everything an atlas is made of."""

    version: str
    name: str
    is_demo: bool
    edge: str  # geometry of the root division
    grids: Sequence[GridRow]
    sites: Sequence[SiteRow]
    roads: Sequence[RoadRow]
    shapes: Sequence[ShapeRow]


class Plane:
    """Degrees to metres around a middle, and back."""

    def __init__(self, lng: float, lat: float) -> None:
        phi = math.radians(lat)
        self.lng, self.lat = lng, lat
        self.per_lat = 111_132.92 - 559.82 * math.cos(2 * phi) + 1.175 * math.cos(4 * phi)
        self.per_lng = 111_412.84 * math.cos(phi) - 93.5 * math.cos(3 * phi)
        self._scale = np.array([self.per_lng, self.per_lat])
        self._middle = np.array([lng, lat])

    def xy(self, lng: float, lat: float) -> tuple[float, float]:
        return (lng - self.lng) * self.per_lng, (lat - self.lat) * self.per_lat

    def read(self, geometry: str) -> shapely.Geometry:
        """GeoJSON text as a shape in metres."""
        return shapely.transform(shapely.from_geojson(geometry), lambda c: (c - self._middle) * self._scale)


class Atlas:
    def __init__(self, ground: Ground) -> None:
        edge = shapely.from_geojson(ground.edge)
        self.ground = ground
        self.bounds: tuple[float, float, float, float] = edge.bounds
        west, south, east, north = edge.bounds
        self.plane = Plane((west + east) / 2, (south + north) / 2)
        self._drawing: tuple[list[str], list[shapely.Geometry], STRtree] | None = None
        self._reading = threading.Lock()
        self._edge = self.plane.read(ground.edge)
        shapely.prepare(self._edge)
        self._grids = self._read([row.geometry for row in ground.grids])
        self._areas = [row for row in ground.sites if row.geometry]
        self._area_shapes = self._read([row.geometry for row in self._areas])
        self._stops = [row for row in ground.sites if not row.geometry]
        self._stop_points = _points([self.plane.xy(row.lng, row.lat) for row in self._stops])
        self._roads = self._read([row.geometry for row in ground.roads])
        self._half_widths = np.array([row.width_m / 2 for row in ground.roads])
        self._water_rows = [row for row in ground.shapes if row.kind == "water"]
        self._water = self._read([row.geometry for row in self._water_rows])
        self._insides = [self._inside_of(row) for row in self._areas]
        self._trees = {
            "grid": STRtree(self._grids),
            "area": STRtree(self._area_shapes),
            "stop": STRtree(self._stop_points),
            "road": STRtree(self._roads),
        }

    def _read(self, texts: Sequence[str]) -> np.ndarray:
        shapes = np.array([self.plane.read(text) for text in texts], dtype=object)
        shapely.prepare(shapes)
        return shapes

    def _inside_of(self, row: SiteRow) -> tuple[np.ndarray, np.ndarray]:
        """Buildings and gates of a site."""
        gates = _points([self.plane.xy(lng, lat) for _, lat, lng in row.gates])
        return self._read([geometry for _, geometry in row.buildings]), gates

    def near(self, frame: shapely.Geometry) -> dict[str, shapely.Geometry]:
        """Geometry text → shape in metres, of all that may be seen in the frame; read once, at the first still map."""
        with self._reading:
            if self._drawing is None:
                ground = self.ground
                texts = [row.geometry for row in ground.sites if row.geometry]
                texts += [row.geometry for row in ground.roads] + [row.geometry for row in ground.shapes]
                texts += [geometry for row in ground.sites for _, geometry in row.buildings]
                shapes = [self.plane.read(text) for text in texts]
                self._drawing = texts, shapes, STRtree(shapes)
        texts, shapes, tree = self._drawing
        return {texts[i]: shapes[i] for i in tree.query(frame, predicate="intersects")}

    # ── questions ────────────────────────────────────────────────────────────

    def covers(self, point: Point) -> bool:
        """Is the point in the city?"""
        return bool(self._edge.covers(PlanePoint(self.plane.xy(point.lng, point.lat))))

    def find(self, point: Point) -> Found:
        """What lies at the point. The caller has checked that it is in the city."""
        at = PlanePoint(self.plane.xy(point.lng, point.lat))
        grid = self._grid_at(at)
        site, inside, gate, building, in_building = self._site_at(at)
        road, number, crossing = self._road_at(at)
        spot = Spot(
            road=road,
            number=number,
            crossing=crossing,
            site=site.ref.name if site else "",
            site_address=site.address if site else "",
            inside=inside,
            gate=gate,
            building=building,
            in_building=in_building,
            water=self._water_at(at) if not inside else "",
            community=self.ground.grids[grid].community if grid is not None else "",
            grid_code=self.ground.grids[grid].code if grid is not None else "",
        )
        return Found(grid, site.ref if site else None, road or None, number, gate or None, words(spot))

    def _grid_at(self, at: PlanePoint) -> int | None:
        """On a common edge the cell that comes first in the order of codes."""
        for i in sorted(self._trees["grid"].query(at)):
            if self._grids[i].covers(at):
                return int(i)
        near = self._trees["grid"].query_nearest(at, max_distance=GRID_GAP_M, all_matches=False)
        return int(near[0]) if len(near) else None

    def _site_at(self, at: PlanePoint) -> tuple[SiteRow | None, bool, str, str, bool]:
        """Site, inside?, gate, building, in the building?"""
        near = self._trees["area"].query(at, predicate="dwithin", distance=BESIDE_SITE_M)
        if len(near):
            distances = shapely.distance(self._area_shapes[near], at)
            best = int(near[int(distances.argmin())])
            inside = bool(distances.min() == 0)
            gate = self._gate_at(best, at)
            stop = None if inside or gate else self._stop_at(at)
            if stop is None:
                building, within = self._building_at(best, at) if inside else ("", False)
                return self._areas[best], inside, gate, building, within
            return stop, False, "", "", False
        return self._stop_at(at), False, "", "", False

    def _stop_at(self, at: PlanePoint) -> SiteRow | None:
        near = self._trees["stop"].query_nearest(at, max_distance=BESIDE_STOP_M, all_matches=False)
        return self._stops[int(near[0])] if len(near) else None

    def _gate_at(self, site: int, at: PlanePoint) -> str:
        gates = self._insides[site][1]
        if not len(gates):
            return ""
        distances = shapely.distance(gates, at)
        best = int(distances.argmin())
        return self._areas[site].gates[best][0] if distances[best] <= AT_GATE_M else ""

    def _building_at(self, site: int, at: PlanePoint) -> tuple[str, bool]:
        buildings = self._insides[site][0]
        if not len(buildings):
            return "", False
        distances = shapely.distance(buildings, at)
        best = int(distances.argmin())
        if distances[best] > BESIDE_BUILDING_M:
            return "", False
        return self._areas[site].buildings[best][0], bool(distances[best] == 0)

    def _road_at(self, at: PlanePoint) -> tuple[str, int | None, str]:
        """Name, house number, and the crossing road where the carriageways meet."""
        near = self._trees["road"].query(at, predicate="dwithin", distance=ROAD_WITHIN_M)
        if not len(near):
            return "", None, ""
        kerb = np.maximum(shapely.distance(self._roads[near], at) - self._half_widths[near], 0)
        # On both carriageways: the wider road gives the name.
        order = sorted(range(len(near)), key=lambda k: (round(float(kerb[k]), 1), -self._half_widths[near[k]]))
        first = int(near[order[0]])
        row, line = self.ground.roads[first], self._roads[first]
        others = (self.ground.roads[near[k]] for k in order[1:] if kerb[k] <= CROSSING_M)
        crossing = next((o.name for o in others if o.name != row.name and o.kind != "lane"), "")
        meets = crossing if kerb[order[0]] <= CROSSING_M else ""
        along = line.project(at)
        number = house_number(along, row.step_m, left=_is_left(line, along, at))
        return row.name, number, meets

    def _water_at(self, at: PlanePoint) -> str:
        return next(
            (row.name for row, shape in zip(self._water_rows, self._water, strict=True) if shape.covers(at)), ""
        )


def _points(coords: list[tuple[float, float]]) -> np.ndarray:
    return shapely.points(np.array(coords, dtype=float)) if coords else np.array([], dtype=object)


def _is_left(line: Any, along: float, at: PlanePoint) -> bool:
    a, b = line.interpolate(max(0.0, along - 2)), line.interpolate(min(line.length, along + 2))
    return bool((b.x - a.x) * (at.y - a.y) - (b.y - a.y) * (at.x - a.x) > 0)
