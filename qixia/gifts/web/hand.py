"""The phone at a place: choose where you stand, scan or type, look, hand over.

With htmx the answer is a sheet; without it the same page is drawn anew.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from qixia.gifts import errors, queries, services
from qixia.kernel.errors import DomainError
from qixia.people.queries import display_name_of
from qixia.ui.access import allow
from qixia.ui.errors import message_of
from qixia.ui.negotiation import wants_fragment

LONGEST = 400


@never_cache
@require_safe
@allow("signed-in")
def page(request: HttpRequest) -> HttpResponse:
    return _answer(request, request.GET.get("place", ""), {})


@require_POST
@allow("signed-in")
def check(request: HttpRequest, place: str) -> HttpResponse:
    text = request.POST.get("code", "")[:LONGEST]
    try:
        found = services.check(actor=request.actor, text=text, place=place)
    except DomainError as refusal:
        return _refused(request, place, refusal, text)
    gift = found.gift
    context = {
        "found": found,
        "title": gift.campaign.title,
        "what": gift.campaign.what,
        "name": _name(gift.person_id, whole=found.is_signed),
        "number": gift.deputy_number if found.is_deputy else gift.number,
        "code": text,
    }
    return _answer(request, place, context)


@require_POST
@allow("signed-in")
def give(request: HttpRequest, place: str) -> HttpResponse:
    text = request.POST.get("code", "")[:LONGEST]
    try:
        done = services.hand_over(actor=request.actor, text=text, place=place)
    except DomainError as refusal:
        return _refused(request, place, refusal, text)
    return _answer(request, place, {"done": done, "title": done.allotment.campaign.title})


def _name(person_id: int | None, *, whole: bool) -> str:
    """Whose kit it is: in full for who showed the code, the first character for who said a number."""
    name = display_name_of(person_id) if person_id else ""
    return name if whole or not name else f"{name[0]}**"


def _refused(request: HttpRequest, place: str, refusal: DomainError, text: str) -> HttpResponse:
    """A refusal is an answer for whoever stands at the counter, not an error page; the status stays true."""
    if refusal.status in (401, 403, 404):
        raise refusal
    reason = _(errors.REFUSALS[refusal.reason]) if isinstance(refusal, errors.GiftRefused) else ""
    typed = text if len(text) <= 20 else ""
    context = {"refused": message_of(refusal), "refused_title": reason, "typed": typed}
    return _answer(request, place, context, refusal.status)


def _answer(request: HttpRequest, place: str, context: Mapping[str, object], status: int = 200) -> HttpResponse:
    places = queries.my_places(request.actor)
    here = next((one for one in places if one[0] == place), places[0] if len(places) == 1 else None)
    context = {**context, "places": places, "here": here, "tab": ""}
    is_part = wants_fragment(request) and request.method == "POST"
    return render(request, "gifts/_sheet.html" if is_part else "gifts/hand.html", context, status=status)
