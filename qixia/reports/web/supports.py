"""Seen before? What is open nearby, before a rider sends; supporting it; what the rider supports. Thin.

With script the form asks while it is filled in; without, "look whether somebody reported it" is a step of the plain form
that sends what was typed and the photo, from which alone the place is known. Nothing is kept of the asking. A place is
enough: who sees what is shown there says so, without a photo and without a word.
"""

from __future__ import annotations

import math
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from qixia.kernel import clock
from qixia.kernel.errors import DomainError
from qixia.kernel.ids import show_number
from qixia.policy.queries import current
from qixia.reports import pace, services
from qixia.reports.queries.similar import Similar, similar_reports
from qixia.reports.queries.supports import support_view
from qixia.reports.web import forms
from qixia.ui.access import allow
from qixia.ui.errors import message_of
from qixia.ui.negotiation import wants_json


@never_cache
@require_http_methods(["GET", "POST"])
@allow("rider")
def seen(request: HttpRequest) -> HttpResponse:
    """GET: the block for the form, empty when nothing is near. POST: a page, for a form without script."""
    if request.method == "GET":
        get = request.GET.get
        place = (_number(get("lat")), _number(get("lng")), _number(get("accuracy_m")))
        words, cls = get("words", ""), get("cls", "")
        found = _similar(request, *place, words=words, cls=cls)
        return render(request, "reports/rider/_seen.html", {"similar": found, "is_alike": bool(words.strip() or cls)})
    data = forms.bound(request.POST, request.FILES).cleaned_data
    lat, lng = data["lat"], data["lng"]
    if lat is None and data["photos"]:
        lat, lng = forms.place_in_photo(data["photos"][0]) or (None, None)
    cls = data["cls"] or data["cls_plain"]
    found = _similar(request, lat, lng, data["accuracy_m"], words=data["words"], cls=cls)
    context = {"similar": found, "has_place": lat is not None, "is_alike": bool(data["words"] or cls)}
    return render(request, "reports/rider/seen.html", context)


def _similar(
    request: HttpRequest, lat: float | None, lng: float | None, accuracy_m: float | None, *, words: str, cls: str
) -> list[Similar]:
    """Nothing, where it can't be said: whether a place is good is said when the report is sent. Nothing as well for a
    phone that asks too often: the form goes on without."""
    if lat is None or lng is None:
        return []
    if not pace.may_ask(request.actor.ref, current("reports.merging").data.questions_a_minute):
        return []
    try:
        return similar_reports(request.actor, lat=lat, lng=lng, accuracy_m=accuracy_m, words=words, cls=cls)
    except DomainError:
        return []


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


@require_POST
@allow("rider")
def support(request: HttpRequest) -> HttpResponse:
    """“是同一件”: support what was offered, then show how it stands."""
    try:
        done = services.support(actor=request.actor, offer=request.POST.get("offer", ""))
    except DomainError as refusal:
        if wants_json(request) or refusal.status in (401, 403, 404):
            raise
        messages.error(request, message_of(refusal))
        return HttpResponseRedirect(reverse("reports:snap"), status=303)
    location = reverse("reports:supported", args=[done.public_id])
    if wants_json(request):
        answer = {"location": location, "public_id": done.public_id, "number": show_number(done.number)}
        return JsonResponse(answer, status=200 if done.repeated else 201)
    return HttpResponseRedirect(location, status=303)


@never_cache
@require_safe
@allow("rider")
def supported(request: HttpRequest, public_id: str) -> HttpResponse:
    """One report that the rider supports."""
    view = support_view(request.actor, public_id)
    today = all(clock.city_date(item.at) == clock.city_date(clock.now()) for item in view.events)
    context: dict[str, Any] = {"view": view, "time_format": "H:i" if today else "m-d H:i", "tab": "me"}
    return render(request, "reports/rider/supported.html", context)


__all__ = ["seen", "support", "supported"]
