"""Streets, lanes and the parcels between them.

Parcels are the faces of the arrangement of every road line, the river's middle and the district's edge. The lines are
noded on the six-decimal grid before the faces are cut, so neighbouring polygons share every vertex: unions of parcels
(grid cells, communities, streets, the district) tile without gap or overlap.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import shapely
from shapely.geometry import LineString, Point, Polygon
from shapely.ops import substring

from . import plan, plane
from .plane import XY

LONGEST_SIDE_M = 345  # a face longer than this gets a lane across
SMALLEST_M2 = 42_000  # a face smaller than this is left alone


@dataclass
class Parcel:
    """A face of the arrangement. `exact` in degrees on the grid (for tiling), `shape` in town metres (for drawing)."""

    exact: Polygon
    shape: Polygon
    community: str = ""
    use: str = ""
    name: str = ""
    board: XY = (0.0, 0.0)


@dataclass
class Road:
    name: str
    kind: str
    line: LineString  # town metres
    step_m: float = 0.0

    @property
    def width_m(self) -> float:
        return plan.WIDTH_M[self.kind]


@dataclass
class Network:
    edge: Polygon
    river: LineString
    water: Polygon
    roads: list[Road] = field(default_factory=list)
    parcels: list[Parcel] = field(default_factory=list)

    def road(self, name: str) -> Road:
        return next(road for road in self.roads if road.name == name)


def build(rng: random.Random) -> Network:
    """Lay the roads of the plan, cut lanes into the large faces, return the parcels with their community."""
    edge = Polygon(plane.curve([*plan.EDGE, plan.EDGE[0]], step=90).coords)
    river = plane.curve(plan.RIVER)
    net = Network(edge, river, _river_surface(river))
    outer = edge.buffer(320, quad_segs=2)
    for name, kind, points in plan.ROADS:
        line = plane.curve(points) if points else _bank_road(name, river, net)
        net.roads.append(Road(name, kind, _longest(line.intersection(outer)), plan.NUMBER_STEP_M[kind]))
    net.roads += _lanes(rng, net)
    net.parcels = [_parcel(face, net) for face in _faces(net, with_grid=True)]
    for road in net.roads:
        if road.kind == "lane":  # the cut goes to the middle of the river, the lane ends on the bank
            road.line = _longest(road.line.difference(net.water.buffer(14)))
    net.parcels.sort(key=lambda p: (p.community, -round(p.board[1] / 150), p.board[0]))
    return net


def _river_surface(river: LineString) -> Polygon:
    narrow, wide = plan.RIVER_HALF_WIDTHS
    left, right = [], []
    for i in range(101):
        t = i / 100
        half = narrow + (wide - narrow) * t + 7 * math.sin(t * 17)
        here, ahead = river.interpolate(t, normalized=True), river.interpolate(min(1, t + 0.004), normalized=True)
        back = river.interpolate(max(0, t - 0.004), normalized=True)
        along = math.atan2(ahead.y - back.y, ahead.x - back.x)
        dx, dy = -math.sin(along) * half, math.cos(along) * half
        left.append((here.x + dx, here.y + dy))
        right.append((here.x - dx, here.y - dy))
    return Polygon(left + right[::-1])


def _bank_road(name: str, river: LineString, net: Network) -> LineString:
    """滨江路 runs along the whole north bank, 南岸路 from 云帆路 eastwards on the other."""
    if name == "滨江路":
        return river.parallel_offset(118, "left", join_style=1).simplify(1)
    south = river.parallel_offset(112, "right", join_style=1).simplify(1)
    if south.coords[0][0] > south.coords[-1][0]:
        south = south.reverse()
    start = plane.bend(-450, -1235)
    return substring(south, south.project(Point(start)), south.length)


def _longest(lines: shapely.Geometry) -> LineString:
    parts = [g for g in getattr(lines, "geoms", [lines]) if g.geom_type == "LineString"]
    return max(parts, key=lambda g: g.length)


def _faces(net: Network, *, with_grid: bool) -> list[Polygon]:
    """Faces inside the edge; in degrees on the grid, or in metres while the plan is still being drawn."""
    lines = [net.edge.exterior, net.river, *(_overrun(road.line) for road in net.roads)]
    if not with_grid:
        noded = shapely.union_all(lines)
        return [
            f for f in shapely.get_parts(shapely.polygonize([noded])) if net.edge.contains(f.representative_point())
        ]
    noded = shapely.union_all([plane.to_degrees(line) for line in lines], grid_size=plane.GRID)
    inside = plane.to_degrees(net.edge)
    return [f for f in shapely.get_parts(shapely.polygonize([noded])) if inside.contains(f.representative_point())]


def _overrun(line: LineString, by: float = 1.5) -> LineString:
    """Lengthen both ends a little, so that a lane ending on another road's middle really crosses it."""
    coords = list(line.coords)
    for end, inner in ((0, 1), (-1, -2)):
        (ax, ay), (bx, by_) = coords[inner], coords[end]
        length = math.hypot(bx - ax, by_ - ay) or 1.0
        coords[end] = (bx + (bx - ax) / length * by, by_ + (by_ - ay) / length * by)
    return LineString(coords)


def _lanes(rng: random.Random, net: Network) -> list[Road]:
    names = iter(plan.LANES)
    whole = [Point(plane.bend(*point)) for _, _, point, keep in plan.SPECIALS if keep]
    out: list[Road] = []
    for face in sorted(_faces(net, with_grid=False), key=lambda f: (round(f.centroid.x), round(f.centroid.y))):
        if not any(face.contains(point) for point in whole):
            out += _cut(rng, net, face, names, depth=0)
    return out


def _cut(rng: random.Random, net: Network, face: Polygon, names: Iterator[str], depth: int) -> list[Road]:
    """Halve a face across its longer side, and the halves again: staggered lanes, not a lattice."""
    dry = face.difference(net.water)
    if dry.is_empty or dry.area < SMALLEST_M2 * 2 or depth > 2:
        return []
    board = [plane.unbend(x, y) for x, y in face.exterior.coords]
    x0, x1 = min(p[0] for p in board), max(p[0] for p in board)
    y0, y1 = min(p[1] for p in board), max(p[1] for p in board)
    if max(x1 - x0, y1 - y0) < LONGEST_SIDE_M:
        return []
    share = rng.uniform(0.43, 0.57)
    if x1 - x0 > y1 - y0:
        at = x0 + (x1 - x0) * share
        cutter = [(at + rng.uniform(-14, 14), y0 - 50), (at, (y0 + y1) / 2), (at + rng.uniform(-14, 14), y1 + 50)]
    else:
        at = y0 + (y1 - y0) * share
        cutter = [(x0 - 50, at + rng.uniform(-14, 14)), ((x0 + x1) / 2, at), (x1 + 50, at + rng.uniform(-14, 14))]
    inside = plane.curve(cutter).intersection(face)
    if inside.is_empty:
        return []
    line = _longest(inside)
    halves = shapely.get_parts(shapely.polygonize([shapely.union_all([face.exterior, _overrun(line)])]))
    if len(halves) < 2 or min(h.area for h in halves) < 14_000:
        return []
    if min(half.difference(net.water).area for half in halves) < 12_000:
        return []
    out = [Road(next(names), "lane", line, plan.NUMBER_STEP_M["lane"])]
    for half in sorted(halves, key=lambda h: (round(h.centroid.x), round(h.centroid.y))):
        out += _cut(rng, net, half, names, depth + 1)
    return out


def _parcel(face: Polygon, net: Network) -> Parcel:
    shape = plane.to_metres(face)
    point = shape.representative_point()
    board = plane.unbend(point.x, point.y)
    return Parcel(face, shape, _community_of(point, net), board=board)


def _community_of(point: Point, net: Network) -> str:
    """Six communities, parted by 云帆路, 澄江大道, 桥南路 and the river."""
    if not _left_of(net.river, point):
        return "990102003002"
    west = not _left_of(net.road("云帆路").line, point)  # walked southwards
    north = _left_of(net.road("澄江大道").line, point)
    if west:
        return "990102001001" if north else "990102001002"
    if not north:
        return "990102002002"
    return "990102003001" if _left_of(net.road("桥南路").line, point) else "990102002001"  # southwards too


def _left_of(line: LineString, point: Point) -> bool:
    """Is the point on the left of somebody who walks the line as it is drawn?"""
    at = line.project(point)
    a, b = line.interpolate(max(0, at - 2)), line.interpolate(at + 2)
    return bool((b.x - a.x) * (point.y - a.y) - (b.y - a.y) * (point.x - a.x) > 0)
