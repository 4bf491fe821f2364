"""The inbox: what a person was told, by day."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from qixia.kernel.errors import NotFound
from qixia.notices import queries, services
from qixia.people.access import Actor
from qixia.ui.access import STAFF_ROLES, allow


def _actor(request: HttpRequest) -> Actor:
    actor: Actor = request.actor
    return actor


@allow("signed-in")
@require_GET
@never_cache
def inbox(request: HttpRequest) -> HttpResponse:
    actor = _actor(request)
    page = queries.inbox(
        actor.person_id or 0,
        language=get_language() or actor.language,
        after=request.GET.get("after", ""),
        before=request.GET.get("before", ""),
    )
    frame = "ui/console.html" if actor.roles & STAFF_ROLES else "ui/rider.html"
    return render(request, "notices/inbox.html", {"page": page, "frame": frame, "tab": "inbox"})


@allow("signed-in")
@require_GET
@never_cache
def open_notice(request: HttpRequest, public_id: str) -> HttpResponse:
    """Mark it read and go where it leads. Safe to repeat, so a plain link will do."""
    person_id = _actor(request).person_id or 0
    link = queries.link_of(person_id, public_id)
    if link is None:
        raise NotFound
    services.mark_read(person_id=person_id, public_id=public_id)
    return redirect(link or "notices:inbox")


@allow("signed-in")
@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    services.mark_all_read(person_id=_actor(request).person_id or 0)
    return redirect("notices:inbox")
