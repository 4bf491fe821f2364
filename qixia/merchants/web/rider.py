"""Riders' pages: shops near and open, on list and map, one shop, the list of ten, stars after use.

A position is sent only to sort and measure; nothing of it is kept.
"""

from __future__ import annotations

import math

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from qixia.kernel import clock
from qixia.kernel.errors import DomainError
from qixia.kernel.geo import Frame, Point
from qixia.merchants import queries, rules, services
from qixia.policy.queries import current
from qixia.ui.access import allow
from qixia.ui.errors import message_of
from qixia.ui.negotiation import wants_fragment


@never_cache
@require_safe
@allow("rider")
def shops(request: HttpRequest) -> HttpResponse:
    """Open and near ones first; with htmx only what changes, and of a further page only its lines."""
    wish = _wish(request)
    after = request.GET.get("after", "")
    context = {"page": queries.shops(wish, after), "wish": wish, "tab": "home"}
    if after and wants_fragment(request):
        return render(request, "merchants/_cards.html", context)
    context |= _choices(wish) | {"may_locate": "place" in request.actor.consents}
    name = "_list.html" if wants_fragment(request) else "shops.html"
    return render(request, f"merchants/{name}", context)


@require_safe
@allow("rider")
def map_page(request: HttpRequest) -> HttpResponse:
    wish = _wish(request)
    return render(request, "merchants/map.html", {"wish": wish, "tab": "home"} | _choices(wish))


@never_cache
@require_safe
@allow("rider")
def map_data(request: HttpRequest) -> JsonResponse:
    """Points and clusters of one view: ?bbox=w,s,e,n&zoom=z&need=…"""
    frame = Frame.of(request.GET.get("bbox", ""), request.GET.get("zoom", ""))
    return JsonResponse(queries.on_map(_wish(request), frame))


@require_safe
@allow("rider")
def ten(request: HttpRequest) -> HttpResponse:
    return render(request, "merchants/ten.html", {"lines": queries.list_of_ten(), "tab": "home"})


@never_cache
@require_safe
@allow("rider")
def shop(request: HttpRequest, public_id: str) -> HttpResponse:
    return _shop(request, public_id)


@require_POST
@allow("rider")
def rate(request: HttpRequest, public_id: str) -> HttpResponse:
    stars = request.POST.get("stars", "")
    try:
        services.rate(
            actor=request.actor,
            merchant=public_id,
            voucher=request.POST.get("voucher", "")[:26],
            stars=int(stars) if stars in {"1", "2", "3", "4", "5"} else 0,
            words=request.POST.get("words", "")[:400],
        )
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        return _shop(request, public_id, refusal)
    messages.success(request, _("收到了。店家看不到是谁打的。"))
    return HttpResponseRedirect(reverse("merchants:shop", args=[public_id]), status=303)


def _shop(request: HttpRequest, public_id: str, refusal: DomainError | None = None) -> HttpResponse:
    context = {
        "view": queries.shop(request.actor, public_id, _here(request)),
        "me": request.actor.display_name,
        "now": clock.now(),
        "error": message_of(refusal) if refusal else "",
        "said": request.POST.get("words", ""),
        "stars": range(1, 6),
        "tab": "home",
    }
    return render(request, "merchants/shop.html", context, status=refusal.status if refusal else 200)


def _choices(wish: queries.Wish) -> dict[str, object]:
    """The chips: every need, and the kinds of the one that is chosen with their numbers. One query."""
    policy: rules.KindsPolicy = current("merchants.kinds").data
    kinds = queries.kind_counts()
    need = wish.need or next((one.need for one in kinds if one.slug == wish.kind), "")
    return {
        "needs": [(one.slug, _(one.title)) for one in policy.needs],
        "need": need,
        "kinds": [one for one in kinds if one.need == need and one.count],
        "total": sum(one.count for one in kinds),
        "near_km": f"{policy.near_m / 1000:g}",
    }


def _wish(request: HttpRequest) -> queries.Wish:
    """What the address asks for; what no policy knows is left out."""
    policy: rules.KindsPolicy = current("merchants.kinds").data
    need, kind = request.GET.get("need", ""), request.GET.get("kind", "")
    return queries.Wish(
        need=need if policy.kinds_of(need) else "",
        kind=kind if policy.kind(kind) else "",
        open_only=request.GET.get("open") == "1",
        here=_here(request),
        anywhere=request.GET.get("all") == "1",
    )


def _here(request: HttpRequest) -> Point | None:
    try:
        lat, lng = (float(request.GET.get(name, "")) for name in ("lat", "lng"))
    except ValueError:
        return None
    on_earth = math.isfinite(lat) and math.isfinite(lng) and abs(lat) <= 90 and abs(lng) <= 180
    return Point(lat, lng) if on_earth else None
