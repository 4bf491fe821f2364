"""A town small enough to reason about: two grid cells side by side, two crossing roads, an estate, a stop, a pond.

lat 24.904 ┌───────────┬───────────┐
           │ cell 001  │  cell 002 │   estate 松苑 from (118.5985, 24.9005) to (118.6, 24.902), its 东门 at
    24.900 ├─ 东西路 ──┼───────────┤   (118.6, 24.901), 1栋 inside; 南北路 runs along 118.6003
           │           │           │
    24.896 └───────────┴───────────┘
       lng 118.596   118.600    118.604
"""

from __future__ import annotations

from typing import Any

WEST, SOUTH, EAST, NORTH = 118.596, 24.896, 118.604, 24.904
MIDDLE = 118.6


def box(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    return {
        "type": "Polygon",
        "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
    }


def road(key: str, name: str, kind: str, *points: list[float]) -> dict[str, Any]:
    line = {"type": "LineString", "coordinates": list(points)}
    return {"key": key, "name": name, "kind": kind, "width_m": 12.0, "number_step_m": 10.0, "geometry": line}


def town() -> dict[str, Any]:
    whole = box(WEST, SOUTH, EAST, NORTH)
    chain = [
        ("990200", "小城", "city", None),
        ("990201", "小区县", "district", "990200"),
        ("990201001", "小街道", "street", "990201"),
        ("990201001001", "小社区", "community", "990201001"),
    ]
    return {
        "format": "qixia-district/1",
        "code": "990201",
        "name": "小区县",
        "city": "小城",
        "seed": 0,
        "divisions": [
            {"code": code, "name": name, "level": level, "parent": parent, "geometry": whole}
            for code, name, level, parent in chain
        ],
        "grids": [
            {"code": "990201001001001", "community": "990201001001", "geometry": box(WEST, SOUTH, MIDDLE, NORTH)},
            {"code": "990201001001002", "community": "990201001001", "geometry": box(MIDDLE, SOUTH, EAST, NORTH)},
        ],
        "roads": [
            road("r1", "东西路", "street", [WEST, 24.9], [EAST, 24.9]),
            road("r2", "南北路", "street", [118.6003, SOUTH], [118.6003, NORTH]),
        ],
        "shapes": [{"key": "pond", "kind": "water", "name": "镜池", "geometry": box(118.602, 24.897, 118.603, 24.898)}],
        "sites": [
            {
                "key": "s1",
                "kind": "estate",
                "name": "松苑",
                "community": "990201001001",
                "address": "南北路 111 号",
                "point": [118.59925, 24.90125],
                "geometry": box(118.5985, 24.9005, 118.6, 24.902),
                "buildings": [{"name": "1栋", "floors": 6, "geometry": box(118.5987, 24.9007, 118.5992, 24.9009)}],
                "gates": [{"name": "东门", "point": [118.6, 24.901]}],
            },
            {
                "key": "b1",
                "kind": "bus_stop",
                "name": "镜池公交站",
                "community": "990201001001",
                "address": "",
                "point": [118.6025, 24.90012],
                "geometry": None,
                "buildings": [],
                "gates": [],
            },
        ],
    }
