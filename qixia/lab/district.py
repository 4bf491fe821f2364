"""The lab's district: twenty grid cells in two communities, a road in each row, an estate in each community.

Only data, so that clients may know where the town is without loading Django.
"""

from __future__ import annotations

from typing import Any

WEST, SOUTH, STEP = 118.590, 24.890, 0.004
ROWS, COLUMNS = 4, 5
COMMUNITIES = 2


def box(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def district() -> dict[str, Any]:
    """As `places.services.load_district` takes it."""
    east, north = WEST + COLUMNS * STEP, SOUTH + ROWS * STEP
    middle = SOUTH + ROWS // 2 * STEP
    whole = box(WEST, SOUTH, east, north)
    parts = [box(WEST, SOUTH, east, middle), box(WEST, middle, east, north)]
    chain = [("990100", "试城", "city", None), ("990102", "试区", "district", "990100")]
    chain += [("990102001", "试街道", "street", "990102")]
    divisions = [{"code": c, "name": n, "level": le, "parent": p, "geometry": whole} for c, n, le, p in chain]
    for index, part in enumerate(parts, 1):
        found = {"code": f"99010200100{index}", "name": f"试社区{index}", "level": "community", "parent": "990102001"}
        divisions.append(found | {"geometry": part})
    return {
        "format": "qixia-district/1",
        "code": "990102",
        "name": "试区",
        "city": "试城",
        "seed": 0,
        "divisions": divisions,
        "grids": [_grid(row, column) for row in range(ROWS) for column in range(COLUMNS)],
        "roads": [_road(row, east) for row in range(ROWS)],
        "shapes": [],
        "sites": [_estate(number) for number in range(1, COMMUNITIES + 1)],
    }


def _community(row: int) -> int:
    return 1 if row < ROWS // 2 else 2


def _grid(row: int, column: int) -> dict[str, Any]:
    west, south = WEST + column * STEP, SOUTH + row * STEP
    community = f"99010200100{_community(row)}"
    code = f"{community}{row % 2 * COLUMNS + column + 1:03d}"
    return {"code": code, "community": community, "geometry": box(west, south, west + STEP, south + STEP)}


def _road(row: int, east: float) -> dict[str, Any]:
    north = SOUTH + (row + 0.5) * STEP
    line = {"type": "LineString", "coordinates": [[WEST, north], [east, north]]}
    known = {"key": f"road-{row}", "name": f"云帆{row + 1}路", "kind": "street", "width_m": 12.0, "number_step_m": 8.0}
    return known | {"geometry": line}


def _estate(number: int) -> dict[str, Any]:
    south = SOUTH + (number * 2 - 1.4) * STEP
    west = WEST + 1.2 * STEP
    return {
        "key": f"estate-{number}",
        "kind": "estate",
        "name": f"锦澜花园{number}期",
        "community": f"99010200100{number}",
        "address": f"云帆{number}路 8 号",
        "point": [west + 0.0005, south + 0.0005],
        "geometry": box(west, south, west + 0.001, south + 0.001),
        "buildings": [],
        "gates": [],
    }
