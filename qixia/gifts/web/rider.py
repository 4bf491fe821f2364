"""Riders' pages: what is there for me, where and until when; enter a draw, my code, the result with why."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from qixia.gifts import errors, qr, queries, services, states
from qixia.kernel import clock, tokens
from qixia.kernel.errors import DomainError
from qixia.rewards.qr import Chain
from qixia.rewards.queries import code_terms
from qixia.ui.access import allow
from qixia.ui.errors import message_of


@never_cache
@require_safe
@allow("rider")
def home(request: HttpRequest) -> HttpResponse:
    return render(request, "gifts/home.html", {"home": queries.home(request.actor), "tab": "home"})


@never_cache
@require_safe
@allow("rider")
def campaign(request: HttpRequest, public_id: str) -> HttpResponse:
    return _campaign(request, public_id)


@require_POST
@allow("rider")
def enter(request: HttpRequest, public_id: str) -> HttpResponse:
    post = request.POST
    try:
        services.enter(
            actor=request.actor,
            campaign=public_id,
            place=post.get("place", "")[:26],
            need=post.get("need", "")[:16],
        )
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        return _campaign(request, public_id, refusal)
    messages.success(request, _("报好了。结果出来会告诉你。"))
    return HttpResponseRedirect(reverse("gifts:campaign", args=[public_id]), status=303)


@require_POST
@allow("rider")
def withdraw(request: HttpRequest, public_id: str) -> HttpResponse:
    try:
        services.withdraw(actor=request.actor, campaign=public_id)
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        return _campaign(request, public_id, refusal)
    messages.success(request, _("已经取消报名。"))
    return HttpResponseRedirect(reverse("gifts:campaign", args=[public_id]), status=303)


@never_cache
@require_safe
@allow("rider")
def gift(request: HttpRequest, public_id: str) -> HttpResponse:
    return _gift(request, public_id)


@never_cache
@require_safe
@allow("rider")
def code(request: HttpRequest, public_id: str) -> HttpResponse:
    """The present code as a picture: what is seen until the script draws, and without it."""
    shown = _chain(request, public_id).text(clock.now())
    answer = HttpResponse(qr.picture(shown), content_type="image/svg+xml")
    answer["Cache-Control"] = "private, no-store"
    return answer


@never_cache
@require_safe
@allow("rider")
def codes(request: HttpRequest, public_id: str) -> JsonResponse:
    """The codes of the next hours, for the script, as of a voucher."""
    chain = _chain(request, public_id)
    given = {"signed": tokens.b64(chain.signed), "last": tokens.b64(chain.last), "steps": chain.steps}
    answer = JsonResponse({**given, "used": 0, "now": int(clock.now().timestamp() * 1000)})
    answer["Cache-Control"] = "private, no-store"
    return answer


def _chain(request: HttpRequest, public_id: str) -> Chain:
    found, _spots = queries.gift_of(request.actor, public_id)
    if found.state != states.OPEN:
        raise errors.NoSuchThing
    return qr.chain_of(found.public_id, found.number, found.until)


@require_POST
@allow("rider")
def deputy(request: HttpRequest, public_id: str) -> HttpResponse:
    try:
        services.set_deputy(actor=request.actor, gift=public_id, on=request.POST.get("on") == "1")
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        return _gift(request, public_id, refusal)
    return HttpResponseRedirect(reverse("gifts:gift", args=[public_id]) + "#deputy", status=303)


def _gift(request: HttpRequest, public_id: str, refusal: DomainError | None = None) -> HttpResponse:
    found, spots = queries.gift_of(request.actor, public_id)
    error = message_of(refusal) if refusal else ""
    context = {"gift": found, "spots": spots, "error": error, "tab": "home", "terms": code_terms()}
    return render(request, "gifts/gift.html", context, status=refusal.status if refusal else 200)


def _campaign(request: HttpRequest, public_id: str, refusal: DomainError | None = None) -> HttpResponse:
    context = {
        "page": queries.campaign_for(request.actor, public_id),
        "error": message_of(refusal) if refusal else "",
        "said": request.POST,
        "tab": "home",
    }
    return render(request, "gifts/campaign.html", context, status=refusal.status if refusal else 200)
