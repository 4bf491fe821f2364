"""What riders asked for and is there now: a list and a page of each, for everybody. Only reads."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from qixia.reports.queries.facilities import facilities, facility_story
from qixia.ui.access import allow


@require_safe
@allow("anyone")
def index(request: HttpRequest) -> HttpResponse:
    """All of them, the latest first, by pages."""
    found, after = facilities(request.GET.get("after", ""))
    return render(request, "reports/public/facilities.html", {"facilities": found, "after": after})


@require_safe
@allow("anyone")
def story(request: HttpRequest, public_id: str) -> HttpResponse:
    """How one of them came to be."""
    return render(request, "reports/public/facility.html", {"story": facility_story(public_id)})
