"""House numbers, sides of a road, and the words for a place. Pure: no Django, no geometry library.

Units    metres; degrees only in the checks of what a device sent.
Truth    numbers run along a road from where its line begins: odd on the left, even on the right.
Errors   OutsideCity (422, field "place") for a position that no report can have.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from qixia.kernel.errors import Invalid, NotFound

GRID_CODE = re.compile(r"^[0-9A-Z]{15}$")
KINDS: dict[str, str] = {
    "estate": "住宅小区",
    "quarter": "老街坊",
    "office_tower": "写字楼",
    "park_business": "产业园区",
    "school": "学校",
    "hospital": "医院",
    "market": "市场",
    "mall": "商场",
    "government": "政务场所",
    "park": "公园",
    "bus_stop": "公交站",
    "metro": "地铁口",
    "other": "其他场所",
}
POINT_KINDS = ("bus_stop", "metro")
ROAD_KINDS: dict[str, str] = {"avenue": "主干路", "street": "次干路", "lane": "支路街巷"}
SHAPE_KINDS = ("water", "green", "houses", "trees", "path", "track")


class OutsideCity(Invalid):
    """A position that this installation does not cover, or that cannot be one."""

    code = "places.outside_city"
    message = "这个位置不在%(city)s范围内，请在地图上重新选点。"


class NoSuchGrid(NotFound):
    code = "places.no_such_grid"
    message = "没有这个单元网格。"


@dataclass(frozen=True, slots=True)
class Spot:
    """What lies at and around a point, found by the atlas; `words` turns it into a sentence."""

    road: str = ""
    number: int | None = None
    crossing: str = ""  # the other road where two meet
    site: str = ""
    site_address: str = ""
    inside: bool = False
    gate: str = ""
    building: str = ""
    in_building: bool = False
    water: str = ""
    community: str = ""
    grid_code: str = ""


def house_number(along_m: float, step_m: float, *, left: bool) -> int:
    """1, 3, 5 … on the left, 2, 4, 6 … on the right; every pair takes `step_m` metres of road."""
    return 2 * int(max(0.0, along_m) / step_m) + (1 if left else 2)


def side_of_number(number: int, step_m: float) -> tuple[float, bool]:
    """Where a house number lies: metres along the road, and whether on its left. `house_number` the other way round."""
    is_left = number % 2 == 1
    return ((number - (1 if is_left else 2)) // 2 + 0.5) * step_m, is_left


def words(spot: Spot) -> str:
    """The place as a rider would say it: “云帆路 88 号 锦澜花园东门外”."""
    if spot.inside and spot.site:
        return _join(spot.site_address, _inside(spot))
    address = f"{spot.road} {spot.number} 号" if spot.road and spot.number else spot.road
    if spot.site and spot.gate:
        return _join(address, f"{spot.site}{spot.gate}外")
    if spot.road and spot.crossing:
        return f"{spot.road}与{spot.crossing}路口"
    if spot.water:
        return f"{spot.water}水面"
    if spot.site:
        return _join(address, f"{spot.site}旁")
    if address:
        return f"{address}附近"
    return _join(spot.community, f"{spot.grid_code[-3:]} 号网格" if spot.grid_code else "")


def _inside(spot: Spot) -> str:
    if spot.building:
        return f"{spot.site} {spot.building}" + ("" if spot.in_building else "旁")
    return f"{spot.site}{spot.gate}内" if spot.gate else f"{spot.site}内"


def _join(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def check_numbers(lat: float, lng: float, *, bounds: tuple[float, float, float, float], city: str) -> None:
    """Refuse what cannot be a position in the city, and say what is probably wrong with it.

    `bounds` is west, south, east, north. Being inside them does not make a point lie in the city.
    """
    if not (math.isfinite(lat) and math.isfinite(lng)):
        raise OutsideCity("经纬度不是有效的数字，请在地图上选点。", field="place")
    if abs(lat) < 0.01 and abs(lng) < 0.01:
        raise OutsideCity("没有取到真实位置（经纬度是 0），请打开定位或在地图上选点。", field="place")
    if _within(lat, lng, bounds):
        return
    if _within(lng, lat, bounds):
        raise OutsideCity("经纬度好像写反了，请对调后再试。", field="place")
    raise OutsideCity(field="place", city=city)


def _within(lat: float, lng: float, bounds: tuple[float, float, float, float]) -> bool:
    west, south, east, north = bounds
    return west <= lng <= east and south <= lat <= north
