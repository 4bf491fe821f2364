"""How a month was handled: a page for staff, a rounded one for everybody. Only reads."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from qixia.kernel import clock
from qixia.reports.access import STAFF_ROLES
from qixia.reports.figures import month_before, month_of
from qixia.reports.queries.figures import kept_public_figures, month_figures
from qixia.ui.access import allow


@never_cache
@require_safe
@allow(*STAFF_ROLES)
def desk(request: HttpRequest) -> HttpResponse:
    """One month by unit, of what the reader may see."""
    month = month_of(request.GET.get("month", ""), clock.city_date(clock.now()))
    return render(request, "reports/desk/figures.html", {"figures": month_figures(request.actor, month)})


@require_safe
@allow("anyone")
def public(request: HttpRequest) -> HttpResponse:
    """The last month that is over, or an earlier one; up to an hour old."""
    last = month_before(clock.city_date(clock.now()).replace(day=1))
    month = min(month_of(request.GET.get("month", ""), last), last) if request.GET.get("month") else last
    return render(request, "reports/public/figures.html", {"figures": kept_public_figures(month)})
