"""From words to a place: “云帆路88号”, “云帆路与学府路路口”, “锦澜花园东门”.

Truth    the atlas: house numbers run as in rules.house_number; a site's own address stands where the survey put it, also
         on a road that the map lacks or beyond its drawn end. Full-width digits, 128-2号, 128# and 128 alone are read. Only what the words name exactly is found; a road alone is
         no place. Nothing is guessed: no answer means that a person must point at the map.
Units    degrees WGS-84 out, metres inside.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import shapely

from qixia.kernel.geo import Point
from qixia.places.atlas import Atlas, RoadRow, SiteRow
from qixia.places.rules import side_of_number

BESIDE_KERB_M = 3.0
# 128号, 128-2号, 128弄, 128#, and 128 where the words or a comma end after it: 云帆路3栋 is no number.
_END = r"(?:[-–]\d{1,3})?(?:号|弄|#|(?=[,;。(]|$))"
_NUMBER = r"(\d{1,5})" + _END
_ADDRESS = re.compile(r"(.{2,40}?\d{1,5})号?")  # of a site
_ENDINGS = ("路口", "交叉口", "交汇处", "交界处", "十字路口", "拐角")


@dataclass(frozen=True, slots=True)
class Hit:
    """A place that the words name. `by` says how sure: a door, a gate, a house number, a crossing, a site."""

    point: Point
    by: Literal["gate", "number", "crossing", "site"]
    words: str


def find_words(atlas: Atlas, text: str) -> Hit | None:
    """The most exact place that the text names; None if it names none, or a number that a road does not have."""
    said = "".join(unicodedata.normalize("NFKC", text).split())
    site = next(_sites(atlas, said), None)
    if site and (gate := _gate(site, said)):
        return gate
    roads = _roads(atlas, said)
    for road in roads:
        number = re.search(re.escape(road.name) + _NUMBER, said)
        if number:
            return _at_number(atlas, road.name, int(number[1])) or _at_address(atlas, said)
    if address := _at_address(atlas, said):
        return address
    if len({road.name for road in roads}) > 1 and any(ending in said for ending in _ENDINGS):
        crossing = _crossing(atlas, roads)
        if crossing:
            return crossing
    return Hit(Point(site.lat, site.lng), "site", site.ref.name) if site else None


def _sites(atlas: Atlas, said: str) -> Iterator[SiteRow]:
    """Sites that are named, the longest name first."""
    rows = sorted(atlas.ground.sites, key=lambda row: -len(row.ref.name))
    return (row for row in rows if len(row.ref.name) > 1 and "".join(row.ref.name.split()) in said)


def _gate(site: SiteRow, said: str) -> Hit | None:
    after = said.split("".join(site.ref.name.split()), 1)[-1]
    for name, lat, lng in site.gates:
        if name and after.startswith(name):
            return Hit(Point(lat, lng), "gate", f"{site.ref.name}{name}")
    return None


def _roads(atlas: Atlas, said: str) -> list[RoadRow]:
    """Roads that are named, in the order of the text; a name inside a longer one does not count."""
    found: dict[str, tuple[int, RoadRow]] = {}
    rest = said
    for row in sorted(atlas.ground.roads, key=lambda row: -len(row.name)):
        at = rest.find(row.name) if len(row.name) > 1 else -1
        if at >= 0:
            found[row.name] = (at, row)
            rest = rest.replace(row.name, "\0" * len(row.name))
    return [row for _at, row in sorted(found.values(), key=lambda one: one[0])]


def _at_number(atlas: Atlas, name: str, number: int) -> Hit | None:
    for row in atlas.ground.roads:
        if row.name != name:
            continue
        line = atlas.plane.read(row.geometry)
        along_m, is_left = side_of_number(number, row.step_m)
        if along_m > line.length:
            continue
        beside = line.offset_curve((row.width_m / 2 + BESIDE_KERB_M) * (1 if is_left else -1))
        middle = line.interpolate(along_m)
        spot = beside.interpolate(beside.project(middle)) if not beside.is_empty else middle
        return Hit(_degrees(atlas, spot), "number", f"{name}{number}号")
    return None


def _at_address(atlas: Atlas, said: str) -> Hit | None:
    """A site whose own address the text names, the longest address first."""
    named = [(address, row) for row in atlas.ground.sites if (address := _address(row.address)) and address in said]
    for address, row in sorted(named, key=lambda one: -len(one[0])):
        if re.search(re.escape(address) + _END, said):
            return Hit(Point(row.lat, row.lng), "number", row.address)
    return None


@lru_cache(maxsize=20_000)
def _address(text: str) -> str:
    """“南北路 111 号” as it is looked for: 南北路111. Empty for what has no number at its end."""
    found = _ADDRESS.fullmatch("".join(unicodedata.normalize("NFKC", text).split()))
    return found[1] if found else ""


def _crossing(atlas: Atlas, roads: list[RoadRow]) -> Hit | None:
    first, second = roads[0].name, roads[1].name
    lines = {
        name: [atlas.plane.read(row.geometry) for row in atlas.ground.roads if row.name == name]
        for name in (first, second)
    }
    for one in lines[first]:
        for other in lines[second]:
            near = shapely.shortest_line(one, other)
            if near is not None and near.length <= 30:
                return Hit(_degrees(atlas, near.centroid), "crossing", f"{first}与{second}路口")
    return None


def _degrees(atlas: Atlas, spot: shapely.Point) -> Point:
    plane = atlas.plane
    return Point(round(plane.lat + spot.y / plane.per_lat, 6), round(plane.lng + spot.x / plane.per_lng, 6))
