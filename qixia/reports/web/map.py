"""The map of reports, one page in two frames: the rider's phone and the console."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from qixia.kernel.geo import Frame
from qixia.reports.access import STAFF_ROLES
from qixia.reports.queries.facilities import facilities_in
from qixia.reports.queries.map import map_data
from qixia.ui.access import allow

FILTERS = (
    ("", _("全部")),
    ("sent", _("已派单")),
    ("doing", _("处置中")),
    ("check", _("待核实")),
    ("back", _("退回重开")),
    ("fixed", _("已修好")),
)


@never_cache
@require_safe
@allow("rider", *STAFF_ROLES)
def map_page(request: HttpRequest) -> HttpResponse:
    is_staff = request.actor.has(*STAFF_ROLES)
    template = "reports/desk/map.html" if is_staff else "reports/rider/map.html"
    return render(request, template, {"tab": "map", "filters": FILTERS})


@never_cache
@require_safe
@allow("rider", *STAFF_ROLES)
def data(request: HttpRequest) -> JsonResponse:
    """Points, clusters and heat of one view, and what riders asked for and is there now: ?bbox=w,s,e,n&zoom=z&state=…"""
    view = Frame.of(request.GET.get("bbox", ""), request.GET.get("zoom", ""))
    found = map_data(request.actor, view, request.GET.getlist("state"))
    return JsonResponse(found | {"facilities": facilities_in(view)})
