"""What the generator hands out: plain frozen records, coordinates [lng, lat] in WGS-84 degrees with six decimals.

`District.as_dict()` is the exchange form that `places.services.load_district` reads; a real city exports the same form
from its own survey data.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

Geometry = dict[str, Any]  # a GeoJSON geometry


@dataclass(frozen=True)
class DivisionShape:
    code: str
    name: str
    level: str  # city | district | street | community
    parent: str | None
    geometry: Geometry


@dataclass(frozen=True)
class Grid:
    code: str  # 15 characters: 12 of the community, 3 of the cell
    community: str
    geometry: Geometry


@dataclass(frozen=True)
class RoadLine:
    key: str
    name: str
    kind: str  # avenue | street | lane
    width_m: float
    number_step_m: float  # metres of road front that one house number takes
    geometry: Geometry


@dataclass(frozen=True)
class Shape:
    """Something drawn that is no site: water, green, houses without a name, trees, paths, a running track."""

    key: str
    kind: str
    name: str
    geometry: Geometry


@dataclass(frozen=True)
class Building:
    name: str
    floors: int
    geometry: Geometry


@dataclass(frozen=True)
class Gate:
    name: str
    point: tuple[float, float]


@dataclass(frozen=True)
class Place:
    key: str
    kind: str
    name: str
    community: str
    address: str
    point: tuple[float, float]
    geometry: Geometry | None = None
    buildings: tuple[Building, ...] = ()
    gates: tuple[Gate, ...] = ()


@dataclass(frozen=True)
class District:
    code: str
    name: str
    city: str
    seed: int
    divisions: tuple[DivisionShape, ...]
    grids: tuple[Grid, ...]
    roads: tuple[RoadLine, ...]
    shapes: tuple[Shape, ...]
    sites: tuple[Place, ...]
    format: str = field(default="qixia-district/1")

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def as_geojson(self) -> dict[str, Any]:
        """One FeatureCollection to look at in any map program."""
        features = []
        for layer in ("divisions", "grids", "roads", "shapes", "sites"):
            for record in getattr(self, layer):
                row = asdict(record)
                geometry = row.pop("geometry") or {"type": "Point", "coordinates": row["point"]}
                features.append({"type": "Feature", "geometry": geometry, "properties": {"layer": layer, **row}})
        return {"type": "FeatureCollection", "features": features}
