"""What stands on a parcel: rows of blocks, houses of an old quarter, towers, halls, trees, paths and gates.

All in town metres. Blocks face south, as flats here do: their long side follows the board's east at that place.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

import shapely
from shapely import affinity
from shapely.geometry import LineString, MultiLineString, Point, Polygon, box

from . import plane


@dataclass
class Filling:
    blocks: list[tuple[str, int, Polygon]] = field(default_factory=list)  # name, floors, outline
    houses: list[Polygon] = field(default_factory=list)
    paths: list[LineString] = field(default_factory=list)
    trees: list[Point] = field(default_factory=list)
    tracks: list[LineString] = field(default_factory=list)
    water: list[Polygon] = field(default_factory=list)
    gates: list[tuple[str, Point]] = field(default_factory=list)


class Frame:
    """A parcel turned so that its rows run along x; `back` returns to the town."""

    def __init__(self, shape: Polygon) -> None:
        self.origin = shape.centroid
        self.angle = plane.slope_at(self.origin.x, self.origin.y)
        self.shape = affinity.rotate(shape, -self.angle, origin=self.origin)

    def back(self, geometry: shapely.Geometry) -> shapely.Geometry:
        return affinity.rotate(geometry, self.angle, origin=self.origin)


def estate(rng: random.Random, shape: Polygon) -> Filling:
    """Slabs in rows, or point towers, with a cross of paths; a gate wherever a path meets the edge."""
    frame, out = Frame(shape), Filling()
    cross = _cross(rng, frame)
    free = frame.shape.buffer(-9, join_style=2).difference(cross.buffer(7, cap_style=2))
    tower = rng.random() < 0.22
    deep, gap = (22.0, 30.0) if tower else (13.5, rng.uniform(23, 28))
    floors = rng.choice([26, 28, 32]) if tower else rng.choice([6, 6, 7, 11, 17])
    rects = _rows(rng, free, deep, gap, (22, 26) if tower else (40, 62), 26 if tower else 13)
    green = {rng.randrange(len(rects)) for _ in range(max(1, len(rects) // 9))} if len(rects) > 5 else set()
    for i, rect in enumerate(rects):
        if i in green:
            out.trees += [frame.back(Point(rect.centroid.x + dx, rect.centroid.y)) for dx in (-13, 9)]
        else:
            out.blocks.append((f"{len(out.blocks) + 1}栋", floors, frame.back(rect)))
    out.paths = [frame.back(line) for line in cross.geoms]
    out.gates = _gates(shape, out.paths)
    return out


def _cross(rng: random.Random, frame: Frame) -> MultiLineString:
    """One path along and one across, each kept where it runs inside."""
    x0, y0, x1, y1 = frame.shape.bounds
    x, y = x0 + (x1 - x0) * rng.uniform(0.42, 0.58), y0 + (y1 - y0) * rng.uniform(0.4, 0.6)
    lines = []
    for line in (LineString([(x0 - 9, y), (x1 + 9, y)]), LineString([(x, y0 - 9), (x, y1 + 9)])):
        inside = line.intersection(frame.shape)
        parts = [g for g in getattr(inside, "geoms", [inside]) if g.geom_type == "LineString"]
        if parts:
            lines.append(max(parts, key=lambda g: g.length))
    return MultiLineString(lines)


def _rows(
    rng: random.Random, free: shapely.Geometry, deep: float, gap: float, lengths: tuple[float, float], between: float
) -> list[Polygon]:
    """Rectangles from south to north, west to east, that lie wholly in the free ground."""
    x0, y0, x1, y1 = free.bounds
    shapely.prepare(free)
    out: list[Polygon] = []
    y = y0 + 2
    while y + deep <= y1:
        x = x0
        while x + lengths[0] <= x1:
            length = rng.uniform(*lengths)
            rect = next((r for n in (length, lengths[0]) if free.contains(r := box(x, y, x + n, y + deep))), None)
            if rect is None:
                x += 7
                continue
            out.append(rect)
            x = rect.bounds[2] + between
        y += deep + gap
    return out


def quarter(rng: random.Random, shape: Polygon) -> Filling:
    """An old quarter: small houses wall to wall along narrow alleys, a few gone."""
    frame, out = Frame(shape), Filling()
    free = frame.shape.buffer(-5, join_style=2)
    shapely.prepare(free)
    x0, y0, x1, y1 = free.bounds
    y, row = y0 + 1, 0
    while y < y1:
        deep, x = rng.uniform(15, 20), x0 + rng.uniform(0, 12)
        while x < x1:
            wide = rng.uniform(15, 29)
            house = box(x, y, x + wide, y + deep * rng.uniform(0.86, 1))
            if free.contains(house) and rng.random() < 0.92:
                out.houses.append(frame.back(house))
            x += wide + (9 if rng.random() < 0.12 else 2.4)
        row += 1
        y += deep + (11 if row % 2 == 0 else 3)
    out.gates = _gates(shape, [frame.back(line) for line in _cross(rng, frame).geoms])[:2]
    return out


def towers(rng: random.Random, shape: Polygon, count: int, names: str = "座") -> Filling:
    """Large floor plates in two rows: offices, halls, wards."""
    frame, out = Frame(shape), Filling()
    x0, y0, x1, y1 = frame.shape.buffer(-16, join_style=2).bounds
    columns = math.ceil(count / 2)
    wide, deep = (x1 - x0) / columns, (y1 - y0) / 2
    inner = frame.shape.buffer(-12, join_style=2)
    for i in range(count):
        cx, cy = x0 + wide * (i % columns + 0.5), y1 - deep * (i // columns + 0.5)
        w, d = min(78, wide * rng.uniform(0.68, 0.8)), min(70, deep * rng.uniform(0.6, 0.78))
        plate = box(cx - w / 2, cy - d / 2, cx + w / 2, cy + d / 2)
        if not inner.contains(plate):
            plate = affinity.scale(plate, 0.62, 0.62)
        if inner.contains(plate):
            out.blocks.append((f"{'ABCDEFGH'[len(out.blocks)]}{names}", rng.choice([5, 9, 18, 24]), frame.back(plate)))
    out.gates = _gates(shape, [frame.back(line) for line in _cross(rng, frame).geoms])
    return out


def school(rng: random.Random, shape: Polygon) -> Filling:
    """A running track on the west, classrooms in rows on the east."""
    frame, out = Frame(shape), Filling()
    x0, y0, x1, y1 = frame.shape.buffer(-14, join_style=2).bounds
    half = min(34.0, (y1 - y0) * 0.2)
    cx, cy, reach = x0 + (x1 - x0) * 0.3, (y0 + y1) / 2, min(40.0, (x1 - x0) * 0.13)
    oval = LineString([(cx - reach, cy), (cx + reach, cy)]).buffer(half, quad_segs=5)
    if frame.shape.contains(oval):
        out.tracks = [frame.back(LineString(oval.exterior.coords))]
    free = box(cx + reach + half + 8, y0, x1, y1).intersection(frame.shape.buffer(-12, join_style=2))
    for i, rect in enumerate(_rows(rng, free, 16, 26, (34, 60), 16)):
        out.blocks.append((f"{i + 1}号楼", 5, frame.back(rect)))
    out.gates = _gates(shape, [frame.back(line) for line in _cross(rng, frame).geoms])[:3]
    return out


def park(rng: random.Random, shape: Polygon, *, lake: bool) -> Filling:
    """Trees by the clump, a path that wanders from edge to edge, a lake where there is one."""
    out = Filling()
    inner = shape.buffer(-10)
    if lake:
        out.water = [_lake(rng, shape)]
        inner = inner.difference(out.water[0].buffer(9))
    x0, y0, x1, y1 = inner.bounds
    shapely.prepare(inner)
    clumps = [(rng.uniform(x0, x1), rng.uniform(y0, y1)) for _ in range(18)]
    tries = 0
    while len(out.trees) < min(110, shape.area / 1100) and tries < 2500:
        tries += 1
        cx, cy = rng.choice(clumps)
        spot = Point(rng.gauss(cx, 46), rng.gauss(cy, 46))
        if inner.contains(spot):
            out.trees.append(spot)
    reach = math.sqrt(shape.area)
    ring = shape.buffer(-0.26 * reach).buffer(0.15 * reach, quad_segs=4)
    if ring.geom_type == "Polygon" and ring.area > 8_000:
        out.paths = [LineString(ring.exterior.coords).simplify(1.5)]
    frame = Frame(shape)
    out.gates = _gates(shape, [frame.back(line) for line in _cross(rng, frame).geoms])
    return out


def _lake(rng: random.Random, shape: Polygon) -> Polygon:
    centre, reach = shape.centroid, math.sqrt(shape.area)
    points = []
    for i in range(40):
        turn = math.tau * i / 40
        r = reach * (0.22 + 0.028 * math.sin(3 * turn + 1) + 0.02 * math.sin(5 * turn))
        points.append((centre.x + 1.35 * r * math.cos(turn), centre.y + 0.85 * r * math.sin(turn)))
    return Polygon(points)


def _gates(shape: Polygon, paths: list[LineString]) -> list[tuple[str, Point]]:
    """Both ends of every path, named by the side of the parcel they open to; one gate a name."""
    centre = shape.centroid
    out: dict[str, Point] = {}
    for path in paths:
        for end in (path.coords[0], path.coords[-1]):
            bearing = math.degrees(math.atan2(end[0] - centre.x, end[1] - centre.y)) % 360
            name = ("北门", "东门", "南门", "西门")[int(((bearing + 45) % 360) // 90)]
            spot = shape.exterior.interpolate(shape.exterior.project(Point(end)))
            out.setdefault(name, spot)
    return list(out.items())
