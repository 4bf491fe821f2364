"""The drawing board: a plane in metres (x east, y north), its gentle bend, and the way to degrees and back.

The plan is drawn with straight lines on the board; `bend` moves every point by a smooth field of up to 60 m, so no two
streets are parallel and the town looks grown. Degrees are WGS-84, rounded to six decimals (0.1 m) at the very end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import shapely
from shapely.geometry import LineString

CENTRE_LAT, CENTRE_LNG = 24.90, 118.60
_PHI = math.radians(CENTRE_LAT)
# Length of one degree on the WGS-84 ellipsoid at this latitude (series from the Admiralty manual, error < 1 m).
M_PER_LAT = 111_132.92 - 559.82 * math.cos(2 * _PHI) + 1.175 * math.cos(4 * _PHI)
M_PER_LNG = 111_412.84 * math.cos(_PHI) - 93.5 * math.cos(3 * _PHI)
GRID = 1e-6  # degrees: everything handed out lies on this grid

XY = tuple[float, float]


def bend(x: float, y: float) -> XY:
    """Board to town: a slow wave, a quicker one, and three degrees of turn."""
    u = x + 46 * math.sin(y / 640 + 0.6) + 16 * math.sin(x / 520 + y / 430)
    v = y + 52 * math.sin(x / 1080 + 0.4) + 15 * math.sin(x / 390 - y / 610)
    turn = math.radians(-3)
    return u * math.cos(turn) - v * math.sin(turn), u * math.sin(turn) + v * math.cos(turn)


def unbend(x: float, y: float) -> XY:
    """Town to board, by fixed-point steps (the field is a contraction: 12 steps leave < 1 mm)."""
    u, v = x, y
    for _ in range(12):
        bx, by = bend(u, v)
        u, v = u + 0.8 * (x - bx), v + 0.8 * (y - by)
    return u, v


def slope_at(x: float, y: float) -> float:
    """Angle in degrees that the board's east has at this point of the town."""
    u, v = unbend(x, y)
    (ax, ay), (bx, by) = bend(u - 20, v), bend(u + 20, v)
    return math.degrees(math.atan2(by - ay, bx - ax))


def curve(points: Sequence[XY], step: float = 45.0) -> LineString:
    """A smooth line (Catmull-Rom) through board points, bent into the town."""
    ends = [_beyond(points[1], points[0]), *points, _beyond(points[-2], points[-1])]
    out: list[XY] = []
    for i in range(1, len(ends) - 2):
        n = max(2, int(math.dist(ends[i], ends[i + 1]) / step))
        out += [_catmull(ends[i - 1], ends[i], ends[i + 1], ends[i + 2], k / n) for k in range(n)]
    out.append(points[-1])
    return LineString([bend(x, y) for x, y in out])


def _beyond(a: XY, b: XY) -> XY:
    return 2 * b[0] - a[0], 2 * b[1] - a[1]


def _catmull(p0: XY, p1: XY, p2: XY, p3: XY, t: float) -> XY:
    def one(a: float, b: float, c: float, d: float) -> float:
        return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)

    return one(p0[0], p1[0], p2[0], p3[0]), one(p0[1], p1[1], p2[1], p3[1])


def to_degrees(geometry: shapely.Geometry) -> shapely.Geometry:
    """Town metres to WGS-84 (x = longitude), on the six-decimal grid."""
    scale, shift = np.array([1 / M_PER_LNG, 1 / M_PER_LAT]), np.array([CENTRE_LNG, CENTRE_LAT])
    return shapely.transform(geometry, lambda xy: np.round(xy * scale + shift, 6))


def to_metres(geometry: shapely.Geometry) -> shapely.Geometry:
    """WGS-84 to town metres."""
    scale, shift = np.array([M_PER_LNG, M_PER_LAT]), np.array([CENTRE_LNG, CENTRE_LAT])
    return shapely.transform(geometry, lambda xy: (xy - shift) * scale)
