"""The vector base map: the whole ground in one small document.

Units    half metres on a plane around the south-west corner; the head gives origin and scale back to degrees.
Form     lines and rings are flat lists x, y, dx, dy, dx, dy …; right-angled outlines are x, y, width, depth, angle (in
         tenths of a degree), each as the difference to the one before it, so that a town of 1,500 blocks packs well.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import shapely

from qixia.places.atlas import Ground, Plane, SiteRow

FORMAT = "qixia-base/1"
UNIT_M = 0.5


class Sheet:
    """Degrees to whole units on the sheet."""

    def __init__(self, edge: str) -> None:
        west, south, east, north = shapely.from_geojson(edge).bounds
        self.bounds = (west, south, east, north)
        plane = Plane((west + east) / 2, (south + north) / 2)
        self.origin = np.array([west, south])
        self.units = np.array([plane.per_lng, plane.per_lat]) / UNIT_M

    def read(self, geometry: str) -> shapely.Geometry:
        return shapely.transform(shapely.from_geojson(geometry), lambda c: (c - self.origin) * self.units)

    def at(self, lng: float, lat: float) -> list[int]:
        return [round((lng - self.origin[0]) * self.units[0]), round((lat - self.origin[1]) * self.units[1])]


def document(ground: Ground) -> bytes:
    """The map as compact JSON."""
    sheet = Sheet(ground.edge)
    data = {
        "format": FORMAT,
        "version": ground.version,
        "name": ground.name,
        "demo": ground.is_demo,
        "datum": "wgs84",
        "bounds": [round(b, 6) for b in sheet.bounds],
        "origin": [round(float(o), 6) for o in sheet.origin],
        "units": [round(float(u), 3) for u in sheet.units],
        "edge": _rings(sheet, ground.edge),
        "shapes": _shapes(sheet, ground),
        "sites": [_site(sheet, row) for row in ground.sites if row.geometry],
        "stops": [
            [row.ref.kind, row.ref.name, *sheet.at(row.lng, row.lat)] for row in ground.sites if not row.geometry
        ],
        "roads": [[r.kind, r.name, r.width_m, _line(sheet.read(r.geometry))] for r in ground.roads],
    }
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


def _shapes(sheet: Sheet, ground: Ground) -> dict[str, list[Any]]:
    out: dict[str, list[Any]] = {"green": [], "water": [], "path": [], "track": [], "trees": []}
    houses: list[shapely.Geometry] = []
    for row in ground.shapes:
        shape = sheet.read(row.geometry)
        match row.kind:
            case "water" | "green":
                out[row.kind].append([row.name, *_rings_of(shape)])
            case "path" | "track":
                out[row.kind] += [_line(part) for part in shapely.get_parts(shape)]
            case "houses":
                houses += list(shapely.get_parts(shape))
            case _:
                out["trees"].append(_delta(shapely.get_coordinates(shape)))
    out["houses"] = _outlines(houses)  # in one list: each outline is the difference to the one before
    return out


def _site(sheet: Sheet, row: SiteRow) -> list[Any]:
    """Kind, name, label point, rings, outlines of the buildings, their names, gates as name, x, y …"""
    gates: list[Any] = [part for name, lat, lng in row.gates for part in (name, *sheet.at(lng, lat))]
    return [
        row.ref.kind,
        row.ref.name,
        *sheet.at(row.lng, row.lat),
        _rings(sheet, row.geometry),
        _outlines([sheet.read(geometry) for _, geometry in row.buildings]),
        _names(row),
        gates,
    ]


def _names(row: SiteRow) -> str:
    """“栋” stands for 1栋, 2栋, 3栋 …, which nearly every estate has."""
    names = [name for name, _ in row.buildings]
    return "栋" if names == [f"{i}栋" for i in range(1, len(names) + 1)] else ",".join(names)


def _rings(sheet: Sheet, geometry: str) -> list[list[int]]:
    return _rings_of(sheet.read(geometry))


def _rings_of(shape: shapely.Geometry) -> list[list[int]]:
    polygons = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
    return [_delta(shapely.get_coordinates(r)[:-1]) for p in polygons for r in (p.exterior, *p.interiors)]


def _line(shape: shapely.Geometry) -> list[int]:
    return _delta(shapely.get_coordinates(shapely.simplify(shape, 1.6)))


def _delta(coords: np.ndarray) -> list[int]:
    whole = np.round(coords).astype(int)
    steps = np.diff(whole, axis=0, prepend=np.zeros((1, 2), dtype=int))
    return [int(v) for v in steps.ravel()]


def _outlines(shapes: Iterable[shapely.Geometry]) -> list[Any]:
    """Flat list of differences for right-angled outlines; any other outline stands in it as a ring of its own."""
    out: list[Any] = []
    before = [0, 0, 0, 0, 0]
    for shape in shapes:
        box = _as_box(shape)
        if box is None:
            out.append(_rings_of(shape)[0])
            continue
        out += [now - last for now, last in zip(box, before, strict=True)]
        before = box
    return out


def _as_box(shape: shapely.Geometry) -> list[int] | None:
    """Middle x, y, width, depth, angle; None if the outline is no rectangle."""
    coords = shapely.get_coordinates(shape)
    if len(coords) != 5:
        return None
    a, b, c, d = coords[:4]
    along, across = b - a, c - b
    width, depth = float(np.hypot(*along)), float(np.hypot(*across))
    if width < 1 or depth < 1 or abs(float(along @ across)) > 0.03 * width * depth:
        return None
    if float(np.hypot(*(a + c - b - d))) > 1.5:
        return None
    angle, middle = math.degrees(math.atan2(along[1], along[0])), (a + c) / 2
    # Turned so that the angle lies in -45..45 degrees: neighbours then differ by nothing.
    while angle > 45 or angle <= -45:
        angle, width, depth = angle - math.copysign(90, angle), depth, width
    return [round(float(middle[0])), round(float(middle[1])), round(width), round(depth), round(angle * 10)]
