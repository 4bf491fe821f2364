"""The rider's pages of offers: what is near, taking one, giving it back. Doing it is a page of the package that made it.

The position is sent only to sort the list; nothing of it is kept.
"""

from __future__ import annotations

import math

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from qixia.kernel.errors import DomainError
from qixia.kernel.geo import Point
from qixia.offers import queries, services
from qixia.ui.access import allow
from qixia.ui.errors import message_of
from qixia.ui.negotiation import wants_fragment


@never_cache
@require_safe
@allow("rider")
def near(request: HttpRequest) -> HttpResponse:
    """What one may do nearby, and what one holds."""
    here = _here(request)
    context = {
        "tab": "home",
        "held": queries.held_offer(request.actor),
        "offers": queries.offers_near(request.actor, here),
        "knows_place": here is not None,
        "may_locate": "place" in request.actor.consents,
    }
    name = "_list.html" if wants_fragment(request) else "near.html"
    return render(request, f"offers/{name}", context)


def _here(request: HttpRequest) -> Point | None:
    try:
        lat, lng = (float(request.GET.get(name, "")) for name in ("lat", "lng"))
    except ValueError:
        return None
    on_earth = math.isfinite(lat) and math.isfinite(lng) and abs(lat) <= 90 and abs(lng) <= 180
    return Point(lat, lng) if on_earth else None


@require_POST
@allow("rider")
def take(request: HttpRequest, public_id: str) -> HttpResponse:
    try:
        services.take(actor=request.actor, public_id=public_id)
    except DomainError as refusal:
        if refusal.status in (401, 403):
            raise
        messages.error(request, message_of(refusal))
        return HttpResponseRedirect(reverse("offers:near"), status=303)
    return HttpResponseRedirect(queries.must_hold(request.actor, public_id).do_url, status=303)


@require_POST
@allow("rider")
def give_back(request: HttpRequest, public_id: str) -> HttpResponse:
    try:
        services.give_back(actor=request.actor, public_id=public_id)
        messages.success(request, _("放回去了，别人可以接。"))
    except DomainError as refusal:
        if refusal.status in (401, 403):
            raise
        messages.error(request, message_of(refusal))
    return HttpResponseRedirect(reverse("offers:near"), status=303)
