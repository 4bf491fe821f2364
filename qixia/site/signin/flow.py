"""What the steps of signing in share: where to go afterwards, and what the session keeps in between.

The session holds ids and paths only: the challenge (a random id), the phone shown with stars, the next path.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from qixia.notices.services import leave_browser
from qixia.people import queries, sessions
from qixia.people.rules import STAFF_ROLES, same_host_path
from qixia.ui.negotiation import wants_fragment

NEXT = "next"


def remember_next(request: HttpRequest) -> None:
    """Keep ?next= for the end of the road, if it is a path of this site."""
    path = same_host_path(request.GET.get(NEXT, ""))
    if path:
        request.session[NEXT] = path


def take_next(request: HttpRequest) -> str:
    return same_host_path(str(request.session.pop(NEXT, ""))) or reverse("home")


def enter(request: HttpRequest, person_id: int, *, where: str | None = None) -> HttpResponse:
    """Start the session and go on. A whole new page, so that nothing of the signed-out one is left."""
    is_staff = bool(queries.roles_of(person_id) & STAFF_ROLES)
    sessions.start(request, person_id=person_id, is_staff=is_staff)
    # Whoever was here before may have left without signing out.
    leave_browser(device=sessions.device_of(request), actor="system:sign-in", stays=person_id)
    target = where or take_next(request)
    if wants_fragment(request):
        response = HttpResponse(status=204, headers={"HX-Redirect": target})
    else:
        response = HttpResponseRedirect(target)
    sessions.remember_device(request, response, person_id=person_id)
    return response


def page(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    return render(request, f"site/signin/{template}.html", context, status=status)
