"""Looking for others, rating, appealing, and what staff does about it. Thin: every decision is a service's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from qixia.kernel.errors import DomainError
from qixia.offers.queries import must_hold
from qixia.reports import services
from qixia.reports.access import SUPERVISOR_ROLES
from qixia.reports.queries.aftermath import open_appeals, rider_aftermath
from qixia.reports.web import forms
from qixia.ui.access import allow
from qixia.ui.errors import message_of


# ── a second rider ────────────────────────────────────────────────────────────
@never_cache
@require_http_methods(["GET", "POST"])
@allow("rider")
def look(request: HttpRequest, public_id: str) -> HttpResponse:
    """The page of an offer in one's hands: where, a photo, fixed or not."""
    held = must_hold(request.actor, public_id)
    error: DomainError | None = None
    if request.method == "POST":
        try:
            _look(request, public_id)
            messages.success(request, _("记下了，谢谢你跑这一眼。积分和大家的一起打乱入账。"))
            return HttpResponseRedirect(reverse("offers:near"), status=303)
        except DomainError as refusal:
            if refusal.status in (401, 404):
                raise
            error = refusal
    context = {
        "tab": "home",
        "held": held,
        "error": message_of(error) if error else "",
        "field": error.field if error else "",
        "text": request.POST.get("text", ""),
    }
    return render(request, "reports/rider/look.html", context, status=error.status if error else 200)


def _look(request: HttpRequest, public_id: str) -> None:
    data = forms.bound(request.POST, request.FILES).cleaned_data
    services.look_again(
        actor=request.actor,
        offer=public_id,
        fixed=request.POST.get("fixed") == "yes",
        place=forms.whereabouts(data),
        photos=data["photos"],
        claimed=forms.claims(data["claimed"], len(data["photos"])),
        text=request.POST.get("text", ""),
    )


# ── the reporter ──────────────────────────────────────────────────────────────
@never_cache
@require_http_methods(["GET", "POST"])
@allow("rider")
def rate(request: HttpRequest, public_id: str) -> HttpResponse:
    """One tap says how content one is; the two facts beside it are filled in as the server knows them."""
    view = rider_aftermath(request.actor, public_id)
    back = reverse("reports:timeline", args=[public_id])
    if request.method == "POST":
        post = request.POST.get
        content = post("content", "")
        try:
            services.rate(
                actor=request.actor,
                public_id=public_id,
                answered=post("answered") == "yes",
                solved=post("solved") == "yes",
                content=int(content) if content in ("1", "2", "3") else 0,
                text=post("text", ""),
            )
            messages.success(request, _("谢谢，记下了。"))
        except DomainError as refusal:
            if refusal.status in (401, 403, 404):
                raise
            messages.error(request, message_of(refusal))
        return HttpResponseRedirect(back, status=303)
    return render(request, "reports/rider/rate.html", {"tab": "me", "view": view, "back": back})


@require_POST
@allow("rider")
def appeal(request: HttpRequest, public_id: str) -> HttpResponse:
    try:
        services.appeal(actor=request.actor, public_id=public_id, text=request.POST.get("text", ""))
        messages.success(request, _("申诉交上去了，由督办决定，结果会告诉你。"))
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        messages.error(request, message_of(refusal))
    return HttpResponseRedirect(reverse("reports:timeline", args=[public_id]), status=303)


# ── staff ─────────────────────────────────────────────────────────────────────
@never_cache
@require_safe
@allow(*SUPERVISOR_ROLES, "admin")
def appeals(request: HttpRequest) -> HttpResponse:
    """Appeals that wait for a decision."""
    return render(request, "reports/desk/appeals.html", {"rows": open_appeals(request.actor)})


def _text(request: HttpRequest) -> str:
    return request.POST.get("text", "")


def _inspect(request: HttpRequest, public_id: str) -> object:
    data: dict[str, Any] = forms.bound(request.POST, request.FILES).cleaned_data
    place = forms.whereabouts(data)
    if place is None and data["photos"]:  # a desk has no position: then the photo's own is taken
        found = forms.place_in_photo(data["photos"][0])
        place = (
            forms.whereabouts({**data, "lat": found[0], "lng": found[1], "place_source": "photo"}) if found else None
        )
    return services.inspect(
        actor=request.actor,
        public_id=public_id,
        text=_text(request),
        place=place,
        photos=data["photos"],
        claimed=forms.claims(data["claimed"], len(data["photos"])),
        announced={"announced": True, "surprise": False}.get(request.POST.get("visit", "")),
    )


# Of the steps on a case, those that this room takes.
AFTERMATH_STEPS: dict[str, Callable[[HttpRequest, str], object]] = {
    "inspect": _inspect,
    "set_aside": lambda r, i: services.set_aside(
        actor=r.actor, public_id=i, kind=r.POST.get("kind", ""), reason=_text(r)
    ),
    "grant_appeal": lambda r, i: services.grant_appeal(actor=r.actor, public_id=i, text=_text(r)),
    "deny_appeal": lambda r, i: services.deny_appeal(actor=r.actor, public_id=i, reason=_text(r)),
}
