"""Positions on the ground. WGS-84 degrees inside; the datum that came in is kept beside it.

GCJ-02 (AMap, Tencent, WeChat) and BD-09 (Baidu) shift a point by about 500 m in Chinese cities. The public formulas
are used forwards; the way back iterates until it agrees to under a millimetre. Distances are metres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import h3

from qixia.kernel.errors import Invalid

Datum = Literal["wgs84", "gcj02", "bd09"]
DATUMS: tuple[Datum, ...] = ("wgs84", "gcj02", "bd09")

_A = 6378245.0  # Krasovsky 1940, as the GCJ-02 formula wants
_EE = 0.00669342162296594323
_EARTH_M = 6371008.8
_BD = math.pi * 3000 / 180


@dataclass(frozen=True, slots=True)
class Point:
    """WGS-84 latitude and longitude in degrees."""

    lat: float
    lng: float


@dataclass(frozen=True, slots=True)
class Frame:
    """What a map shows: WGS-84 degrees and a zoom as web maps count it."""

    west: float
    south: float
    east: float
    north: float
    zoom: int

    @classmethod
    def of(cls, bbox: str, zoom: str) -> Frame:
        """From the address; Invalid if the numbers make no rectangle."""
        try:
            west, south, east, north = (float(part) for part in bbox.split(","))
            frame = cls(west, south, east, north, int(zoom))
        except ValueError as error:
            raise Invalid("地图范围不对。", field="bbox") from error
        finite = all(math.isfinite(edge) for edge in (west, south, east, north))
        if not (finite and -180 <= west < east <= 180 and -90 <= south < north <= 90 and 0 <= frame.zoom <= 22):
            raise Invalid("地图范围不对。", field="bbox")
        return frame

    def cells(self, pixels: int) -> tuple[float, float]:
        """How many cells of so many pixels fit into a degree of longitude and of latitude."""
        per_degree = 256 * 2**self.zoom / 360 / pixels
        return per_degree, per_degree / math.cos(math.radians((self.south + self.north) / 2))


def distance_m(a: Point, b: Point) -> float:
    """Great-circle distance in metres."""
    phi1, phi2 = math.radians(a.lat), math.radians(b.lat)
    half = (
        math.sin((phi2 - phi1) / 2) ** 2
        + math.cos(phi1) * math.cos(phi2) * math.sin(math.radians(b.lng - a.lng) / 2) ** 2
    )
    return 2 * _EARTH_M * math.asin(math.sqrt(half))


def cell(point: Point, resolution: int) -> str:
    """The H3 cell around a point."""
    return str(h3.latlng_to_cell(point.lat, point.lng, resolution))


def to_wgs84(lat: float, lng: float, datum: Datum) -> Point:
    """What a device said, as WGS-84."""
    if datum == "wgs84":
        return Point(lat, lng)
    target = Point(lat, lng) if datum == "gcj02" else _bd_to_gcj(lat, lng)
    guess = target
    for _ in range(8):
        shifted = _gcj(guess)
        guess = Point(guess.lat + target.lat - shifted.lat, guess.lng + target.lng - shifted.lng)
    return guess


def from_wgs84(point: Point, datum: Datum) -> Point:
    """A WGS-84 point as a base map of another datum wants it."""
    if datum == "wgs84":
        return point
    shifted = _gcj(point)
    return shifted if datum == "gcj02" else _gcj_to_bd(shifted)


def _gcj(p: Point) -> Point:
    x, y = p.lng - 105.0, p.lat - 35.0
    wave = 20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)
    d_lat = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x))
    d_lat += (wave + 20.0 * math.sin(y * math.pi) + 40.0 * math.sin(y / 3.0 * math.pi)) * 2.0 / 3.0
    d_lat += (160.0 * math.sin(y / 12.0 * math.pi) + 320.0 * math.sin(y * math.pi / 30.0)) * 2.0 / 3.0
    d_lng = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x))
    d_lng += (wave + 20.0 * math.sin(x * math.pi) + 40.0 * math.sin(x / 3.0 * math.pi)) * 2.0 / 3.0
    d_lng += (150.0 * math.sin(x / 12.0 * math.pi) + 300.0 * math.sin(x / 30.0 * math.pi)) * 2.0 / 3.0
    phi = math.radians(p.lat)
    magic = 1 - _EE * math.sin(phi) ** 2
    lat = p.lat + d_lat * 180.0 / (_A * (1 - _EE) / (magic * math.sqrt(magic)) * math.pi)
    lng = p.lng + d_lng * 180.0 / (_A / math.sqrt(magic) * math.cos(phi) * math.pi)
    return Point(lat, lng)


def _gcj_to_bd(p: Point) -> Point:
    z = math.hypot(p.lng, p.lat) + 0.00002 * math.sin(p.lat * _BD)
    theta = math.atan2(p.lat, p.lng) + 0.000003 * math.cos(p.lng * _BD)
    return Point(z * math.sin(theta) + 0.006, z * math.cos(theta) + 0.0065)


def _bd_to_gcj(lat: float, lng: float) -> Point:
    guess = Point(lat - 0.006, lng - 0.0065)
    for _ in range(8):
        shifted = _gcj_to_bd(guess)
        guess = Point(guess.lat + lat - shifted.lat, guess.lng + lng - shifted.lng)
    return guess
