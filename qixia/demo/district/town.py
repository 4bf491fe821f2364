"""Puts the parcels of the network to use and assembles the district."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import shapely
from shapely.geometry import MultiPoint, MultiPolygon, Point, Polygon, mapping

from qixia.places.rules import house_number

from . import fill, network, plan, plane
from .fill import Filling
from .model import Building, District, DivisionShape, Gate, Geometry, Grid, Place, RoadLine, Shape
from .network import Network, Parcel, Road

KEEP_CLEAR_M = 3.0  # between a carriageway and the ground beside it
HOUSE_ON_M = 60.0  # farther from a road than this, a site has no house number


@dataclass
class Ground:
    """A parcel with its building ground and what stands on it."""

    parcel: Parcel
    shape: Polygon
    filling: Filling


def generate(seed: int = 7) -> District:
    """The district, the same for the same seed on any machine."""
    rng = random.Random(seed)
    net = network.build(rng)
    _assign_specials(net)
    roads = _carriageways(net)
    grounds = [g for g in (_occupy(rng, net, parcel, roads) for parcel in net.parcels) if g is not None]
    _number_main_road(net, grounds)
    grids = _grids(net)
    sites = [_site(net, i, ground) for i, ground in enumerate(grounds) if ground.parcel.name]
    sites += _stops(net, grounds, grids)
    return District(
        code=plan.DISTRICT[0],
        name=plan.DISTRICT[1],
        city=plan.CITY[1],
        seed=seed,
        divisions=tuple(_divisions(grids)),
        grids=tuple(grids),
        roads=tuple(_road_lines(net)),
        shapes=tuple(_shapes(net, grounds)),
        sites=tuple(sites),
    )


# ── use of the parcels ───────────────────────────────────────────────────────


def _ground_of(net: Network, parcel: Parcel, roads: shapely.Geometry) -> Polygon | None:
    """The parcel without carriageways, river and bank; None where nothing worth drawing is left."""
    rest = parcel.shape.difference(roads).difference(net.water.buffer(16))
    parts = [p for p in getattr(rest, "geoms", [rest]) if isinstance(p, Polygon) and p.area > 1_200]
    if not parts:
        return None
    ground = max(parts, key=lambda p: p.area).buffer(-6, join_style=2).buffer(6, quad_segs=2)
    return ground.simplify(1.2) if isinstance(ground, Polygon) and not ground.is_empty else None


def _assign_specials(net: Network) -> None:
    """Each special gets the nearest parcel that is still free and large enough."""
    for kind, name, board, _ in plan.SPECIALS:
        spot = Point(plane.bend(*board))
        free = [p for p in net.parcels if not p.use and p.shape.difference(net.water).area > 26_000]
        parcel = min(free, key=lambda p: (p.shape.distance(spot), p.shape.centroid.distance(spot)))
        parcel.use, parcel.name = kind, name


def _occupy(rng: random.Random, net: Network, parcel: Parcel, roads: shapely.Geometry) -> Ground | None:
    """Decide the use of a parcel without one, then build on it."""
    shape = _ground_of(net, parcel, roads)
    if shape is None:
        return None
    wide = 4 * shape.area / shape.length  # side of a square with the same area and edge
    if not parcel.use:
        by_river = shape.distance(net.water) < 30
        built = "quarter" if rng.random() < plan.QUARTER_SHARE else "estate"
        parcel.use = "green" if wide < (105 if by_river else 72) else built
    if parcel.use in ("estate", "quarter") and not parcel.name:
        parcel.name = _next_name(net, parcel.use)
    return Ground(parcel, shape, _filling(rng, parcel, shape))


def _carriageways(net: Network) -> shapely.Geometry:
    return shapely.union_all([r.line.buffer(r.width_m / 2 + KEEP_CLEAR_M, cap_style=2) for r in net.roads])


def _next_name(net: Network, use: str) -> str:
    taken = {p.name for p in net.parcels}
    pool = plan.QUARTER_NAMES if use == "quarter" else plan.ESTATE_NAMES
    return next((name for name in pool if name not in taken), "")


def _filling(rng: random.Random, parcel: Parcel, shape: Polygon) -> Filling:
    match parcel.use:
        case "estate":
            return fill.estate(rng, shape)
        case "quarter":
            return fill.quarter(rng, shape)
        case "park" | "green":
            return fill.park(rng, shape, lake=parcel.name == "南塘公园")
        case "school":
            return fill.school(rng, shape)
        case "office_tower":
            return fill.towers(rng, shape, 4)
        case "park_business":
            return fill.towers(rng, shape, 6, "区")
        case "market":
            return fill.towers(rng, shape, 4, "棚")
        case "hospital":
            return fill.towers(rng, shape, 6, "楼")
        case _:
            return fill.towers(rng, shape, 3)


# ── grid cells and divisions ─────────────────────────────────────────────────


def _grids(net: Network) -> list[Grid]:
    """Parcels of a community merged, smallest first, until the wanted number of cells is left."""
    out: list[Grid] = []
    for community in plan.COMMUNITIES:
        cells = [p.exact for p in net.parcels if p.community == community]
        while len(cells) > plan.GRIDS_PER_COMMUNITY[community]:
            smallest = min(cells, key=lambda c: (c.area, c.bounds))
            cells.remove(smallest)
            partner = max(cells, key=lambda c: _shared(smallest, c))
            cells.remove(partner)
            cells.append(shapely.union_all([smallest, partner], grid_size=plane.GRID))
        # Numbered like reading: rows from the north, each from the west.
        cells.sort(key=lambda c: (-round(c.centroid.y / 0.0035), c.centroid.x))
        out += [Grid(f"{community}{i:03d}", community, _exact(cell)) for i, cell in enumerate(cells, start=1)]
    return out


def _shared(a: Polygon, b: Polygon) -> float:
    """Length of the common edge, less for a partner that is large already."""
    return float(a.intersection(b).length / math.sqrt(b.area))


def _divisions(grids: list[Grid]) -> Iterator[DivisionShape]:
    by_code: dict[str, list[Polygon]] = defaultdict(list)
    for grid in grids:
        polygon = shapely.geometry.shape(grid.geometry)
        for code in (plan.DISTRICT[0], plan.COMMUNITIES[grid.community][1], grid.community):
            by_code[code].append(polygon)

    def area(code: str) -> Geometry:
        return _exact(shapely.union_all(by_code[code], grid_size=plane.GRID))

    # The city of the demo has this one district: its edge is the city's edge.
    yield DivisionShape(*plan.CITY, "city", None, area(plan.DISTRICT[0]))
    yield DivisionShape(*plan.DISTRICT, "district", plan.CITY[0], area(plan.DISTRICT[0]))
    for code, name in plan.STREETS.items():
        yield DivisionShape(code, name, "street", plan.DISTRICT[0], area(code))
    for code, (name, street) in plan.COMMUNITIES.items():
        yield DivisionShape(code, name, "community", street, area(code))


# ── roads and numbers ────────────────────────────────────────────────────────


def _number_main_road(net: Network, grounds: list[Ground]) -> None:
    """Stretch 云帆路's numbers so that the east gate of 锦澜花园 is number 88, the address every mock page shows."""
    road = net.road("云帆路")
    home = next(g for g in grounds if g.parcel.name == "锦澜花园")
    gate = dict(home.filling.gates)["东门"]
    road.step_m = road.line.project(gate) / 43.5


def _number(road: Road, spot: Point) -> int:
    along = road.line.project(spot)
    a, b = road.line.interpolate(max(0.0, along - 2)), road.line.interpolate(min(road.line.length, along + 2))
    left = (b.x - a.x) * (spot.y - a.y) - (b.y - a.y) * (spot.x - a.x) > 0
    return house_number(along, road.step_m, left=left)


def _address(net: Network, spot: Point) -> str:
    """Road and number; a lane only where no better road is near."""
    near = [(road.line.distance(spot) + (12 if road.kind == "lane" else 0), i) for i, road in enumerate(net.roads)]
    distance, i = min(near)
    if distance > HOUSE_ON_M:
        return ""
    road = net.roads[i]
    return f"{road.name} {_number(road, spot)} 号"


def _road_lines(net: Network) -> Iterator[RoadLine]:
    for i, road in enumerate(net.roads):
        yield RoadLine(
            f"road-{i:03d}", road.name, road.kind, road.width_m, round(road.step_m, 3), _geo(road.line.simplify(0.8))
        )


# ── sites ────────────────────────────────────────────────────────────────────


def _site(net: Network, i: int, ground: Ground) -> Place:
    gates = ground.filling.gates
    main = _main_gate(net, gates) if gates else _middle(ground.shape)
    return Place(
        key=f"site-{i:03d}",
        kind=ground.parcel.use,
        name=ground.parcel.name,
        community=ground.parcel.community,
        address=_address(net, main),
        point=_lnglat(_middle(ground.shape)),
        geometry=_geo(ground.shape),
        buildings=tuple(Building(name, floors, _geo(shape)) for name, floors, shape in ground.filling.blocks),
        gates=tuple(Gate(name, _lnglat(point)) for name, point in gates),
    )


def _middle(shape: Polygon) -> Point:
    """Where the name goes."""
    return shape.centroid if shape.contains(shape.centroid) else shape.representative_point()


def _main_gate(net: Network, gates: list[tuple[str, Point]]) -> Point:
    """The gate on the most important road near it."""
    rank = {"avenue": 0, "street": 25, "lane": 60}
    return min((min(r.line.distance(p) + rank[r.kind] for r in net.roads), n, p) for n, p in gates)[2]


def _stops(net: Network, grounds: list[Ground], grids: list[Grid]) -> list[Place]:
    """Bus stops named after the site beside them, and two exits of the metro at the first crossing."""
    cells = [(shapely.geometry.shape(g.geometry), g.community) for g in grids]
    named = [g for g in grounds if g.parcel.name]
    out: list[Place] = []
    taken: set[str] = set()
    for road in (r for r in net.roads if r.kind != "lane"):
        for along in range(260, int(road.line.length) - 150, 620):
            kerb = road.line.parallel_offset(road.width_m / 2 + 2, "right").interpolate(along)
            beside = min(named, key=lambda g: g.shape.distance(kerb))
            name = f"{beside.parcel.name}公交站"
            community = _community_at(cells, kerb)
            if name not in taken and community and beside.shape.distance(kerb) < 60:
                taken.add(name)
                out.append(_stop(net, f"stop-{len(out):03d}", "bus_stop", name, community, kerb))
    crossing = net.road("云帆路").line.intersection(net.road("澄江大道").line)
    for letter, (dx, dy) in {"A": (-34, 30), "B": (36, -30)}.items():
        spot = Point(crossing.x + dx, crossing.y + dy)
        community = _community_at(cells, spot)
        out.append(_stop(net, f"metro-{letter}", "metro", f"{plan.METRO_NAME} {letter} 口", community, spot))
    return out


def _stop(net: Network, key: str, kind: str, name: str, community: str, spot: Point) -> Place:
    return Place(key, kind, name, community, _address(net, spot), _lnglat(spot))


def _community_at(cells: list[tuple[Polygon, str]], spot: Point) -> str:
    point = plane.to_degrees(spot)
    return next((community for shape, community in cells if shape.covers(point)), "")


# ── everything else that is drawn ────────────────────────────────────────────


def _shapes(net: Network, grounds: list[Ground]) -> Iterator[Shape]:
    bank = net.water.buffer(14, quad_segs=2).simplify(1.5)
    yield Shape("bank", "green", "", _geo(bank))
    yield Shape("river", "water", plan.RIVER_NAME, _geo(net.water.simplify(0.8)))
    for i, ground in enumerate(grounds):
        f = ground.filling
        if ground.parcel.use == "green":
            yield Shape(f"green-{i:03d}", "green", "", _geo(ground.shape))
        yield from _layer(f"houses-{i:03d}", "houses", f.houses, MultiPolygon)
        yield from _layer(f"trees-{i:03d}", "trees", f.trees, MultiPoint)
        for kind, parts in (("path", f.paths), ("track", f.tracks), ("water", f.water)):
            for k, part in enumerate(parts):
                name = "南塘" if kind == "water" else ""
                yield Shape(f"{kind}-{i:03d}-{k}", kind, name, _geo(part))


def _layer(key: str, kind: str, parts: list, gather: type) -> Iterator[Shape]:
    if parts:
        yield Shape(key, kind, "", _geo(gather(parts)))


def _geo(shape: shapely.Geometry) -> Geometry:
    """GeoJSON of something in town metres."""
    return _exact(plane.to_degrees(shape))


def _exact(shape: shapely.Geometry) -> Geometry:
    """GeoJSON of something that is in degrees already."""
    return _plain(mapping(shape))


def _plain(value: object) -> Geometry:
    def lists(item: object) -> object:
        if isinstance(item, (tuple, list)):
            return [lists(part) for part in item]
        return round(float(item), 6) if isinstance(item, (int, float)) else item

    geometry = dict(value)  # type: ignore[call-overload]
    return {"type": geometry["type"], "coordinates": lists(geometry["coordinates"])}


def _lnglat(point: Point) -> tuple[float, float]:
    at = plane.to_degrees(point)
    return round(at.x, 6), round(at.y, 6)
