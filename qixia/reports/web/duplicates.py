"""Pairs of reports that may be one matter: the list, the two side by side, and what a clerk decides. Thin.

Each decision is a plain form. One that somebody else has taken meanwhile is refused with a sentence.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from qixia.kernel.errors import DomainError, NotFound
from qixia.reports import services
from qixia.reports.access import CLERK_ROLES
from qixia.reports.queries import duplicates as queries
from qixia.ui.access import allow
from qixia.ui.errors import message_of

LISTS = {"open": gettext_lazy("待定"), "merged": gettext_lazy("已并入"), "apart": gettext_lazy("不是同一处")}


@never_cache
@require_safe
@allow(*CLERK_ROLES, "admin")
def pairs(request: HttpRequest) -> HttpResponse:
    """All pairs of one list, the chosen one beside it."""
    state = request.GET.get("state", "open")
    state = state if state in LISTS else "open"
    page = queries.proposals(request.actor, state, request.GET.get("before", ""))
    chosen = request.GET.get("pair", "") or (page.items[0].public_id if page.items else "")
    return _page(request, state, page, _chosen(request, chosen))


def _chosen(request: HttpRequest, public_id: str) -> queries.Duplicate | None:
    try:
        return queries.proposal(request.actor, public_id) if public_id else None
    except NotFound:
        return None


@never_cache
@require_safe
@allow(*CLERK_ROLES, "admin")
def pair(request: HttpRequest, public_id: str) -> HttpResponse:
    """One pair by itself."""
    return _page(request, "", None, queries.proposal(request.actor, public_id))


def _page(
    request: HttpRequest, state: str, page: queries.DuplicatePage | None, dup: queries.Duplicate | None
) -> HttpResponse:
    address = reverse("reports:duplicates")
    context: dict[str, Any] = {
        "page": page,
        "dup": dup,
        "state": state,
        "here": f"{address}?{urlencode({'state': state})}" if state else request.path,
        "lists": [(f"{address}?{urlencode({'state': key})}", label, key == state) for key, label in LISTS.items()],
        "more_url": f"{address}?{urlencode({'state': state, 'before': page.next_key})}"
        if page and page.next_key
        else "",
        "is_alone": page is None,
    }
    return render(request, "reports/desk/duplicates.html", context)


_SAID = {
    "merge": gettext_lazy("已并成一件办。"),
    "apart": gettext_lazy("记下了：不是同一处。"),
    "undo": gettext_lazy("已撤销并入，恢复成两件。"),
}


@require_POST
@allow(*CLERK_ROLES, "admin")
def decide(request: HttpRequest, public_id: str, act: str) -> HttpResponse:
    """Merge, keep apart, or take a merge back; then back to where the reader was."""
    found = queries.proposal(request.actor, public_id)
    try:
        _decide(request, found, act)
        messages.success(request, str(_SAID[act]))
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        messages.error(request, message_of(refusal))
    return HttpResponseRedirect(_back(request), status=303)


def _decide(request: HttpRequest, found: queries.Duplicate, act: str) -> None:
    actor: Any = request.actor
    if act == "merge":
        services.merge(actor=actor, public_id=found.report.public_id, into=found.lead.public_id)
    elif act == "apart":
        services.keep_apart(actor=actor, proposal=found.public_id)
    elif act == "undo":
        services.unmerge(actor=actor, public_id=found.report.public_id)
    else:
        raise NotFound


def _back(request: HttpRequest) -> str:
    given = request.POST.get("back", "")
    return given if given.startswith("/desk/") and "\\" not in given else reverse("reports:duplicates")


__all__ = ["decide", "pair", "pairs"]
