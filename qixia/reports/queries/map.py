"""Reports on a map: single points where there is room, counts where there is none. Never a photo, never a reporter.

Bounded  an answer has at most about (screen / cell)² clusters, however many reports the city has. Three queries.
Who      staff see their cases; a rider sees all, and links only to own reports.
Rounded  of a sensitive matter (policy "reports.secrecy") others see the middle of a fixed square, no words of the place,
         and that only from the next day on. The square stands in for the place before anything is filtered or counted,
         so that no frame of the map, however small, tells more. What waits for a person may yet turn out sensitive and
         is treated as such.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Avg, Case, Count, F, FloatField, IntegerField, Max, Min, Q, QuerySet, Value, When
from django.db.models.functions import Cos, Floor, Radians
from django.urls import reverse

from qixia.codes.queries import class_name
from qixia.kernel import clock
from qixia.kernel.geo import Frame
from qixia.people.access import Actor
from qixia.policy.queries import current
from qixia.reports import access, rules, states
from qixia.reports.models import Report
from qixia.reports.policy import Secrecy
from qixia.reports.sealing import index_of

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


def map_data(actor: Actor, view: Frame, state_keys: list[str]) -> dict[str, list[Any]]:
    """{"points": …, "clusters": …, "heat": …} as places/clusters.js wants them."""
    rows = _within(_visible(actor), view).filter(received_at__gte=_today() - SHOWN_FOR)
    if state_keys:
        wanted = [name for name, (_console, _mine, key) in states.LABELS.items() if key in state_keys]
        rows = rows.filter(state__in=wanted)
    groups = list(_grouped(rows, view, CELL_PX).annotate(first=Min("pk"), worst=Max(_RANK)))
    single = [group["first"] for group in groups if group["n"] == 1]
    clusters = [
        {"lat": round(g["at_y"], 6), "lng": round(g["at_x"], 6), "count": g["n"], "worst": _SEVERITY[g["worst"]]}
        for g in groups
        if g["n"] > 1
    ]
    heat = [[round(g["at_y"], 5), round(g["at_x"], 5), g["n"]] for g in _grouped(rows, view, HEAT_PX)]
    return {"points": _points(actor, rows.filter(pk__in=single)), "clusters": clusters, "heat": heat}


def _visible(actor: Actor) -> QuerySet[Any]:
    """What the actor may see, with `y` and `x` as the place that the actor may know."""
    rows: QuerySet[Any]
    if actor.has(*access.STAFF_ROLES):
        rows = access.cases(actor).annotate(y=F("lat"), x=F("lng"))
    else:
        rounded = _is_rounded(actor)
        tall = _secrecy().cell_m / rules.METRES_A_DEGREE
        middle = (Floor(F("lat") / tall, output_field=FloatField()) + 0.5) * tall
        wide = Value(tall) / Cos(Radians(middle))
        y = Case(When(rounded, then=middle), default=F("lat"), output_field=FloatField())
        x = Case(
            When(rounded, then=(Floor(F("lng") / wide, output_field=FloatField()) + 0.5) * wide),
            default=F("lng"),
            output_field=FloatField(),
        )
        # A point that turns up on the map at once would tell the minute.
        rows = Report.objects.exclude(rounded, received_at__gte=_today()).annotate(y=y, x=x)
    # A part stands for the unit that has it; all others see the whole.
    rows = rows if actor.has(*access.UNIT_ROLES) else rows.filter(part_of=None)
    return rows.exclude(state__in=("received", "invalid", "aside", "merged"))


def _is_rounded(actor: Actor) -> Q:
    """Somebody else's matter that is sensitive, or may turn out to be."""
    classes = _secrecy().sensitive
    unsure = Q(state="sorting") | Q(runner_up__in=classes, sorted_by_person=False)
    return (Q(cls__in=classes) | unsure) & ~Q(reporter_index=index_of(actor.public_id))


def _within(rows: QuerySet[Any], view: Frame) -> QuerySet[Any]:
    """Whose known place lies in the view. The first, wider frame is for the index."""
    tall = _secrecy().cell_m / rules.METRES_A_DEGREE
    wide = 2 * tall / max(0.1, math.cos(math.radians(max(abs(view.south), abs(view.north)))))
    return rows.filter(
        lat__gte=view.south - tall, lat__lte=view.north + tall, lng__gte=view.west - wide, lng__lte=view.east + wide
    ).filter(y__gte=view.south, y__lte=view.north, x__gte=view.west, x__lte=view.east)


def _secrecy() -> Secrecy:
    data: Secrecy = current("reports.secrecy").data
    return data


def _today() -> datetime:
    """When the city's day began."""
    return clock.city_time(clock.now()).replace(hour=0, minute=0, second=0, microsecond=0)


def _grouped(rows: QuerySet[Any], view: Frame, pixels: int) -> QuerySet[Any]:
    east, north = view.cells(pixels)
    cells = rows.annotate(gx=Floor(F("x") * east), gy=Floor(F("y") * north)).values("gx", "gy")
    return cells.annotate(n=Count("pk"), at_x=Avg("x"), at_y=Avg("y")).order_by("gx", "gy")


def _points(actor: Actor, rows: QuerySet[Any]) -> list[dict[str, Any]]:
    is_staff = actor.has(*access.STAFF_ROLES)
    name = "reports:case" if is_staff else "reports:timeline"
    points = []
    # Not in the order in which they came: it would tell what happened before what.
    for report in rows.order_by("y", "x", "public_id"):
        mine = access.is_own(actor, report)
        points.append(
            {
                "id": report.public_id if mine or is_staff else "",
                "lat": round(report.y, 6),
                "lng": round(report.x, 6),
                "severity": report.severity or "low",
                "state": states.LABELS[report.state].glyph,
                "title": class_name(report.cls) if report.cls else "",
                "place": report.place if report.y == report.lat else "",
                "url": reverse(name, args=[report.public_id]) if mine or is_staff else "",
            }
        )
    return points
