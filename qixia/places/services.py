"""Writes: bring a surveyed (or fictional) district into the tables.

Truth    the document wins: rows are matched by their code or key and rewritten, what it no longer has is taken away
         (sites are only retired: reports may name them).
Retries  loading the same document again changes nothing and says so.
Errors   BadDistrict (422, field "file"): the database is unchanged.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import shapely
from django.db import models, transaction

from qixia.audit.services import record
from qixia.codes.services import DivisionRow, upsert_divisions
from qixia.kernel import clock, geo
from qixia.kernel.errors import Invalid
from qixia.places import queries
from qixia.places.models import Building, DivisionArea, Gate, GridCell, MapShape, MapVersion, Road, Site
from qixia.places.rules import GRID_CODE, KINDS

FORMAT = "qixia-district/1"


class BadDistrict(Invalid):
    code = "places.bad_district"
    message = "地图数据有误：%(why)s"


@transaction.atomic
def load_district(data: Mapping[str, Any], *, actor: str = "system:setup", is_demo: bool = False) -> bool:
    """Make the tables say what `data` says (the form of `demo.district`). False if they already did."""
    _check(data)
    version = _version(data)
    if MapVersion.objects.select_for_update().filter(pk=1, version=version).exists():
        return False
    divisions = _divisions(data["divisions"], actor=actor, is_demo=is_demo)
    _grids(data["grids"], divisions)
    _replace_by_key(Road, data["roads"], _road_row)
    _replace_by_key(MapShape, data["shapes"], _shape_row)
    _sites(data["sites"], divisions)
    MapVersion.objects.update_or_create(
        pk=1,
        defaults={
            "version": version,
            "code": data["code"],
            "name": data["name"],
            "is_demo": is_demo,
            "loaded_at": clock.now(),
        },
    )
    record(
        "places.district_loaded",
        subject=f"division:{data['code']}",
        actor=actor,
        version=version,
        grids=len(data["grids"]),
        sites=len(data["sites"]),
    )
    transaction.on_commit(queries.forget)
    return True


def _version(data: Mapping[str, Any]) -> str:
    text = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _check(data: Mapping[str, Any]) -> None:
    if data.get("format") != FORMAT:
        raise BadDistrict(field="file", why=f"format ≠ {FORMAT}")
    bad = next((g["code"] for g in data["grids"] if not GRID_CODE.match(g["code"])), None)
    if bad is not None:
        raise BadDistrict(field="file", why=f"网格编码 {bad} 不是 15 位数字或大写字母")
    known = {division["code"] for division in data["divisions"]}
    strays = [row for row in (*data["grids"], *data["sites"]) if row["community"] not in known]
    if strays:
        raise BadDistrict(field="file", why=f"社区 {strays[0]['community']} 不在区划里")
    kind = next((s["kind"] for s in data["sites"] if s["kind"] not in KINDS), None)
    if kind is not None:
        raise BadDistrict(field="file", why=f"场所类型 {kind} 未知")


# ── tables ───────────────────────────────────────────────────────────────────


def _divisions(rows: list[Mapping[str, Any]], *, actor: str, is_demo: bool) -> dict[str, Any]:
    """Division rows by code, each with its area."""
    divisions = upsert_divisions(
        [
            DivisionRow(row["code"], row["name"], row["level"], row["parent"] or "", order, is_demo)
            for order, row in enumerate(rows)
        ],
        actor_ref=actor,
    )
    areas = [DivisionArea(division=divisions[row["code"]], **_bounded(row["geometry"])) for row in rows]
    _upsert(DivisionArea, areas, "division")
    DivisionArea.objects.exclude(division__in=divisions.values()).delete()
    return divisions


def _grids(rows: list[Mapping[str, Any]], divisions: dict[str, Any]) -> None:
    cells = []
    for row in rows:
        inner = shapely.from_geojson(_text(row["geometry"])).representative_point()
        cell = geo.cell(geo.Point(inner.y, inner.x), 9)
        community = divisions[row["community"]]
        cells.append(GridCell(code=row["code"], community=community, h3_cell=cell, **_bounded(row["geometry"])))
    _upsert(GridCell, cells, "code")
    GridCell.objects.exclude(code__in=[cell.code for cell in cells]).delete()


def _sites(rows: list[Mapping[str, Any]], divisions: dict[str, Any]) -> None:
    sites = [_site_row(row, divisions) for row in rows]
    _upsert(Site, sites, "key", keep=("public_id",))
    Site.objects.exclude(key__in=[site.key for site in sites]).update(is_active=False)
    ids = dict(Site.objects.filter(is_active=True).values_list("key", "id"))
    # Nothing refers to buildings and gates: written anew in the order of the document.
    Building.objects.all().delete()
    Gate.objects.all().delete()
    Building.objects.bulk_create(
        [
            Building(site_id=ids[row["key"]], name=b["name"], floors=b["floors"], geometry=_text(b["geometry"]))
            for row in rows
            for b in row["buildings"]
        ],
        batch_size=500,
    )
    Gate.objects.bulk_create(
        [
            Gate(site_id=ids[row["key"]], name=g["name"], lng=g["point"][0], lat=g["point"][1])
            for row in rows
            for g in row["gates"]
        ],
        batch_size=500,
    )


def _site_row(row: Mapping[str, Any], divisions: dict[str, Any]) -> Site:
    lng, lat = row["point"]
    return Site(
        key=row["key"],
        kind=row["kind"],
        name=row["name"],
        community=divisions[row["community"]],
        address=row["address"],
        lat=lat,
        lng=lng,
        h3_cell=geo.cell(geo.Point(lat, lng), 9),
        geometry=_text(row["geometry"]) if row["geometry"] else "",
        is_active=True,
    )


def _road_row(row: Mapping[str, Any]) -> Road:
    return Road(
        key=row["key"],
        name=row["name"],
        kind=row["kind"],
        width_m=row["width_m"],
        number_step_m=row["number_step_m"],
        geometry=_text(row["geometry"]),
    )


def _shape_row(row: Mapping[str, Any]) -> MapShape:
    return MapShape(key=row["key"], kind=row["kind"], name=row["name"], geometry=_text(row["geometry"]))


def _replace_by_key(model: type[models.Model], rows: list[Mapping[str, Any]], make: Any) -> None:
    made = [make(row) for row in rows]
    _upsert(model, made, "key")
    model._default_manager.exclude(key__in=[one.key for one in made]).delete()


def _upsert(model: type[models.Model], rows: list[Any], by: str, *, keep: tuple[str, ...] = ()) -> None:
    fields = [f.name for f in model._meta.concrete_fields if not f.primary_key and f.name != by and f.name not in keep]
    model._default_manager.bulk_create(
        rows, batch_size=500, update_conflicts=True, unique_fields=[by], update_fields=fields
    )


def _bounded(geometry: Mapping[str, Any]) -> dict[str, Any]:
    text = _text(geometry)
    west, south, east, north = shapely.from_geojson(text).bounds
    return {"geometry": text, "west": west, "south": south, "east": east, "north": north}


def _text(geometry: Mapping[str, Any]) -> str:
    return json.dumps(geometry, separators=(",", ":"))
