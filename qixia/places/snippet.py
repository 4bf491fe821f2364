"""A small still map as SVG: for case cards, receipts and pages without JavaScript.

Units    pixels in the picture, metres on the ground (`M_PER_PX`). Colours are attributes, not styles, so a strict CSP
         holds; they repeat the map tokens of `static/places/map.css`, which a picture cannot read.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Literal

import numpy as np
import shapely

from qixia.kernel.geo import Point
from qixia.places.atlas import Atlas

Theme = Literal["light", "dark"]
M_PER_PX = 1.1
MOST_PX = 1200

# fmt: off
COLOURS: dict[Theme, dict[str, str]] = {
    "light": {
        "land": "#f1ede4", "estate": "#ece4d3", "quarter": "#e6dccb", "work": "#dfd9e2", "civic": "#ead9c8",
        "green": "#d5e3c4", "tree": "#b5cd9d", "water": "#bfd9de", "shore": "#a3c6ce", "path": "#f8f5ee",
        "house": "#d8cdb8", "house_edge": "#c3b69e", "plate": "#c6bccd", "casing": "#d9d2c3", "road": "#ffffff",
        "avenue": "#fff3d3", "avenue_casing": "#e0c98c", "track": "#d7a183", "gate": "#0b6b63", "gate_fill": "#f6f2ea",
        "road_name": "#6d6656", "name": "#5a554a", "halo": "#f6f2ea", "water_name": "#3f7884", "pin": "#a5201b",
        "pin_ring": "#ffffff",
    },
    "dark": {
        "land": "#161d1b", "estate": "#202926", "quarter": "#222723", "work": "#22262e", "civic": "#2c2620",
        "green": "#1b2b20", "tree": "#26402c", "water": "#15303a", "shore": "#1f4552", "path": "#29332f",
        "house": "#2c3733", "house_edge": "#3a4641", "plate": "#323845", "casing": "#111716", "road": "#323d39",
        "avenue": "#4a4430", "avenue_casing": "#14150f", "track": "#5a3c2c", "gate": "#4cc7b3", "gate_fill": "#121816",
        "road_name": "#a9a49a", "name": "#b3bdb6", "halo": "#121816", "water_name": "#6fa9b5", "pin": "#ff9d92",
        "pin_ring": "#10201c",
    },
}
# fmt: on
AREA_COLOUR = {
    "estate": "estate",
    "quarter": "quarter",
    "market": "quarter",
    "park": "green",
    "office_tower": "work",
    "park_business": "work",
    "government": "work",
    "mall": "work",
    "school": "civic",
    "hospital": "civic",
}
_FONT = "PingFang SC, HarmonyOS Sans SC, MiSans, Microsoft YaHei, Noto Sans CJK SC, sans-serif"


class Picture:
    """One picture: the ground around a point, clipped to the frame."""

    def __init__(self, atlas: Atlas, point: Point, width: int, height: int, theme: Theme) -> None:
        self.atlas, self.width, self.height, self.colour = atlas, width, height, COLOURS[theme]
        self._x, self._y = atlas.plane.xy(point.lng, point.lat)
        half_w, half_h = width * M_PER_PX / 2 + 30, height * M_PER_PX / 2 + 30
        self._frame = shapely.box(self._x - half_w, self._y - half_h, self._x + half_w, self._y + half_h)
        self._near = atlas.near(self._frame)

    def parts(self, geometry: str) -> list[shapely.Geometry]:
        """The geometry's parts inside the frame, in pixels."""
        shape = self._near.get(geometry)
        if shape is None:
            return []
        seen = shapely.transform(shape.intersection(self._frame), self._pixels)
        return list(shapely.get_parts(seen))

    def _pixels(self, coords: np.ndarray) -> np.ndarray:
        middle = np.array([self._x, self._y])
        return (coords - middle) / M_PER_PX * np.array([1, -1]) + np.array([self.width, self.height]) / 2

    def at(self, lng: float, lat: float) -> tuple[float, float] | None:
        """A point of the picture, None outside it."""
        x, y = self.atlas.plane.xy(lng, lat)
        px, py = (x - self._x) / M_PER_PX + self.width / 2, (self._y - y) / M_PER_PX + self.height / 2
        return (px, py) if 0 <= px <= self.width and 0 <= py <= self.height else None


def draw(atlas: Atlas, point: Point, *, width: int, height: int, theme: Theme, label: str) -> str:
    """The whole SVG document; `label` is its text alternative."""
    p = Picture(atlas, point, width, height, theme)
    body = [*_ground(p), *_roads(p), *_gates(p), *_names(p), *_pin(p)]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' role="img"><title>{escape(label)}</title><rect width="{width}" height="{height}" fill="{p.colour["land"]}"/>'
    )
    return head + "".join(body) + "</svg>"


def _d(shape: shapely.Geometry) -> str:
    rings = [shape.exterior, *shape.interiors] if shape.geom_type == "Polygon" else [shape]
    close = "Z" if shape.geom_type == "Polygon" else ""
    return "".join(
        "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in shapely.get_coordinates(ring)[: -1 if close else None]) + close
        for ring in rings
        if not ring.is_empty
    )


def _path(p: Picture, geometries: list[str], fill: str, edge: str = "", width: float = 0) -> Iterator[str]:
    d = "".join(_d(s) for g in geometries for s in p.parts(g) if s.geom_type in ("Polygon", "LineString"))
    if d:
        stroke = f' stroke="{edge}" stroke-width="{width:.1f}" stroke-linejoin="round"' if edge else ""
        yield f'<path d="{d}" fill="{fill}"{stroke}/>'


def _ground(p: Picture) -> Iterator[str]:
    c, ground = p.colour, p.atlas.ground
    areas = [row for row in ground.sites if row.geometry and p.parts(row.geometry)]
    for colour in dict.fromkeys(AREA_COLOUR.values()):
        yield from _path(p, [r.geometry for r in areas if AREA_COLOUR.get(r.ref.kind, "estate") == colour], c[colour])
    shapes = {
        kind: [s.geometry for s in ground.shapes if s.kind == kind] for kind in ("green", "water", "path", "track")
    }
    yield from _path(p, shapes["green"], c["green"])
    yield from _path(p, shapes["water"], c["water"], c["shore"], 1)
    yield from _path(p, shapes["path"], "none", c["path"], 5 / M_PER_PX)
    yield from _path(p, [s.geometry for s in ground.shapes if s.kind == "houses"], c["house"], c["house_edge"], 0.7)
    yield from _path(p, shapes["track"], c["green"], c["track"], 9 / M_PER_PX)
    for spots in (s.geometry for s in ground.shapes if s.kind == "trees"):
        for i, tree in enumerate(p.parts(spots)):
            x, y = shapely.get_coordinates(tree)[0]
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{(4.5 + i * 7 % 5) / M_PER_PX:.1f}" fill="{c["tree"]}"/>'
    for work, colour in ((False, c["house"]), (True, c["plate"])):
        rows = [r for r in areas if (AREA_COLOUR.get(r.ref.kind) == "work") is work]
        yield from _path(p, [g for r in rows for _, g in r.buildings], colour, c["house_edge"], 0.7)


def _roads(p: Picture) -> Iterator[str]:
    c = p.colour
    for kind in ("lane", "street", "avenue"):
        rows = [r for r in p.atlas.ground.roads if r.kind == kind]
        wide = rows[0].width_m / M_PER_PX if rows else 0
        main = kind == "avenue"
        yield from _path(p, [r.geometry for r in rows], "none", c["avenue_casing" if main else "casing"], wide + 2)
    for kind in ("lane", "street", "avenue"):
        rows = [r for r in p.atlas.ground.roads if r.kind == kind]
        wide = rows[0].width_m / M_PER_PX if rows else 0
        yield from _path(p, [r.geometry for r in rows], "none", c["avenue" if kind == "avenue" else "road"], wide)


def _gates(p: Picture) -> Iterator[str]:
    c = p.colour
    for row in p.atlas.ground.sites:
        for _, lat, lng in row.gates:
            if at := p.at(lng, lat):
                yield (
                    f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="3.6" fill="{c["gate_fill"]}"'
                    f' stroke="{c["gate"]}" stroke-width="2.2"/>'
                )


def _names(p: Picture) -> Iterator[str]:
    """Road names at the middle of what is seen of the road, then site names; nothing over something else."""
    c, taken = p.colour, [(p.width / 2 - 18, p.height / 2 - 34, p.width / 2 + 18, p.height / 2 + 8)]
    # The kerb of a narrow lane has no room for a name.
    for row in (r for r in p.atlas.ground.roads if r.kind != "lane"):
        for part in p.parts(row.geometry):
            if part.geom_type == "LineString" and part.length > 34 + 15 * len(row.name):
                yield from _road_name(p, part, row.name, taken)
    for site in p.atlas.ground.sites:
        seen = max(p.parts(site.geometry), key=lambda s: s.area, default=None) if site.geometry else None
        if seen is None or seen.area < 2_500:
            continue
        x = seen.centroid.x  # of what is in the picture: the name stays in it too
        for y in (seen.centroid.y, seen.centroid.y + 26, seen.centroid.y - 46):  # the pin may be in the way
            inside = seen.contains(shapely.box(x - 20, y - 8, x + 20, y + 8))
            if inside and _free(taken, x, y, 13.5 * len(site.ref.name), 16, p):
                yield _text(x, y + 4.5, site.ref.name, 13, c["name"], c["halo"], "700")
                break


def _road_name(p: Picture, line: shapely.LineString, name: str, taken: list) -> Iterator[str]:
    for share in (0.5, 0.28, 0.72):
        a, b = line.interpolate(share - 0.02, normalized=True), line.interpolate(share + 0.02, normalized=True)
        x, y = (a.x + b.x) / 2, (a.y + b.y) / 2
        upright = abs(b.y - a.y) > abs(b.x - a.x)
        wide, high = (16, 15 * len(name)) if upright else (15 * len(name), 16)
        if not _free(taken, x, y, wide, high, p):
            continue
        if upright:
            for i, letter in enumerate(name):
                yield _text(x, y + 4 + 14 * (i - (len(name) - 1) / 2), letter, 11.5, p.colour["road_name"])
        else:
            angle = float(np.degrees(np.arctan2(b.y - a.y, b.x - a.x)))
            angle = angle - 180 if angle > 90 else angle + 180 if angle < -90 else angle
            text = _text(0, 4, name, 11.5, p.colour["road_name"], spacing=2.5)
            yield f'<g transform="translate({x:.1f} {y:.1f}) rotate({angle:.1f})">{text}</g>'
        return


def _free(taken: list, x: float, y: float, wide: float, high: float, p: Picture) -> bool:
    box = (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
    if box[0] < 4 or box[1] < 4 or box[2] > p.width - 4 or box[3] > p.height - 4:
        return False
    if any(box[0] < t[2] and t[0] < box[2] and box[1] < t[3] and t[1] < box[3] for t in taken):
        return False
    taken.append(box)
    return True


def _text(
    x: float, y: float, text: str, size: float, fill: str, halo: str = "", weight: str = "500", spacing: float = 0
) -> str:
    edge = f' stroke="{halo}" stroke-width="3" stroke-linejoin="round" paint-order="stroke"' if halo else ""
    gap = f' letter-spacing="{spacing}"' if spacing else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-family="{_FONT}" font-size="{size}" font-weight="{weight}"'
        f' text-anchor="middle" fill="{fill}"{edge}{gap}>{escape(text)}</text>'
    )


def _pin(p: Picture) -> Iterator[str]:
    x, y, c = p.width / 2, p.height / 2, p.colour
    yield f'<ellipse cx="{x}" cy="{y + 1}" rx="7" ry="3" fill="#000" fill-opacity=".22"/>'
    drop = f"M{x} {y}C{x - 4} {y - 9} {x - 12} {y - 13} {x - 12} {y - 21}a12 12 0 0 1 24 0C{x + 12} {y - 13} {x + 4} {y - 9} {x} {y}Z"
    yield f'<path d="{drop}" fill="{c["pin"]}" stroke="{c["pin_ring"]}" stroke-width="2"/>'
    yield f'<circle cx="{x}" cy="{y - 21}" r="4.5" fill="{c["pin_ring"]}"/>'
