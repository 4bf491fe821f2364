"""Reports on a map: single points where there is room, counts where there is none. Never a photo, never a reporter.

Bounded  an answer has at most about (screen / cell)² clusters, however many reports the city has. Three queries.
Who      staff see their cases; a rider sees all but the sensitive classes, and links only to own reports.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Avg, Case, Count, F, IntegerField, Max, Min, Q, QuerySet, Value, When
from django.db.models.functions import Floor
from django.urls import reverse

from qixia.codes.queries import class_name
from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.people.access import Actor
from qixia.reports import access, states
from qixia.reports.models import Report
from qixia.reports.sealing import index_of

SENSITIVE = ("person-at-risk", "public-order")
SHOWN_FOR = timedelta(days=90)
CELL_PX = 72
HEAT_PX = 24
_RANK = Case(
    When(severity="critical", then=Value(4)),
    When(severity="high", then=Value(3)),
    When(severity="normal", then=Value(2)),
    default=Value(1),
    output_field=IntegerField(),
)
_SEVERITY = {4: "critical", 3: "high", 2: "normal", 1: "low"}


@dataclass(frozen=True, slots=True)
class View:
    """What the map shows: WGS-84 degrees and a zoom as web maps count it."""

    west: float
    south: float
    east: float
    north: float
    zoom: int

    @classmethod
    def of(cls, bbox: str, zoom: str) -> View:
        """From the address; Invalid if the numbers make no rectangle."""
        try:
            west, south, east, north = (float(part) for part in bbox.split(","))
            view = cls(west, south, east, north, int(zoom))
        except ValueError as error:
            raise Invalid("地图范围不对。", field="bbox") from error
        finite = all(math.isfinite(edge) for edge in (west, south, east, north))
        if not (finite and -180 <= west < east <= 180 and -90 <= south < north <= 90 and 0 <= view.zoom <= 22):
            raise Invalid("地图范围不对。", field="bbox")
        return view

    def cells(self, pixels: int) -> tuple[float, float]:
        """How many cells of so many pixels fit into a degree of longitude and of latitude."""
        per_degree = 256 * 2**self.zoom / 360 / pixels
        return per_degree, per_degree / math.cos(math.radians((self.south + self.north) / 2))


def map_data(actor: Actor, view: View, state_keys: list[str]) -> dict[str, list[Any]]:
    """{"points": …, "clusters": …, "heat": …} as places/clusters.js wants them."""
    rows = _visible(actor).filter(
        lat__gte=view.south,
        lat__lte=view.north,
        lng__gte=view.west,
        lng__lte=view.east,
        received_at__gte=clock.now() - SHOWN_FOR,
    )
    if state_keys:
        wanted = [name for name, (_console, _mine, key) in states.LABELS.items() if key in state_keys]
        rows = rows.filter(state__in=wanted)
    groups = list(_grouped(rows, view, CELL_PX).annotate(first=Min("pk"), worst=Max(_RANK)))
    single = [group["first"] for group in groups if group["n"] == 1]
    clusters = [
        {"lat": round(g["y"], 6), "lng": round(g["x"], 6), "count": g["n"], "worst": _SEVERITY[g["worst"]]}
        for g in groups
        if g["n"] > 1
    ]
    heat = [[round(g["y"], 5), round(g["x"], 5), g["n"]] for g in _grouped(rows, view, HEAT_PX)]
    return {"points": _points(actor, single), "clusters": clusters, "heat": heat}


def _visible(actor: Actor) -> QuerySet[Report]:
    if actor.has(*access.STAFF_ROLES):
        rows = access.cases(actor)
    else:
        rows = Report.objects.exclude(~Q(reporter_index=index_of(actor.public_id)), cls__in=SENSITIVE)
    return rows.exclude(state__in=("received", "invalid"))


def _grouped(rows: QuerySet[Report], view: View, pixels: int) -> QuerySet[Any]:
    east, north = view.cells(pixels)
    cells = rows.annotate(gx=Floor(F("lng") * east), gy=Floor(F("lat") * north)).values("gx", "gy")
    return cells.annotate(n=Count("pk"), x=Avg("lng"), y=Avg("lat")).order_by("gx", "gy")


def _points(actor: Actor, ids: list[int]) -> list[dict[str, Any]]:
    is_staff = actor.has(*access.STAFF_ROLES)
    points = []
    for report in Report.objects.filter(pk__in=ids).order_by("-pk"):
        mine = access.is_own(actor, report)
        name = "reports:case" if is_staff else "reports:timeline"
        points.append(
            {
                "id": report.public_id if mine or is_staff else "",
                "lat": report.lat,
                "lng": report.lng,
                "severity": report.severity or "low",
                "state": states.LABELS[report.state][2],  # type: ignore[index]
                "title": class_name(report.cls) if report.cls else "",
                "place": report.place,
                "url": reverse(name, args=[report.public_id]) if mine or is_staff else "",
            }
        )
    return points
