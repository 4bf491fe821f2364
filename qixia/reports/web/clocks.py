"""The supervisor's page, and the steps on the clocks of a case."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from qixia.kernel.errors import DomainError, NotFound
from qixia.reports import rules, services
from qixia.reports.access import CLERK_ROLES, SUPERVISOR_ROLES, UNIT_ROLES
from qixia.reports.queries.clocks import supervision
from qixia.reports.web.desk import to_case
from qixia.ui.access import allow
from qixia.ui.errors import message_of


@never_cache
@require_safe
@allow(*SUPERVISOR_ROLES, "admin")
def page(request: HttpRequest) -> HttpResponse:
    """What waits for the supervisor, the most pressing first."""
    return render(request, "reports/supervision.html", {"matters": supervision(request.actor)})


def _text(request: HttpRequest) -> str:
    return request.POST.get("text", "")


def _decide(request: HttpRequest, public_id: str, grant: bool) -> object:
    return services.decide_extension(actor=request.actor, public_id=public_id, grant=grant, text=_text(request))


_ACTS: dict[str, Callable[[HttpRequest, str], object]] = {
    "pause": lambda r, i: services.pause(
        actor=r.actor,
        public_id=i,
        reason=r.POST.get("reason", ""),
        text=_text(r),
        until=rules.day(r.POST.get("until", ""), field="until"),
    ),
    "resume": lambda r, i: services.resume(actor=r.actor, public_id=i, text=_text(r)),
    "answer_for": lambda r, i: services.answer_for(actor=r.actor, public_id=i, text=_text(r)),
    "ask_extension": lambda r, i: services.ask_extension(
        actor=r.actor, public_id=i, length=f"{r.POST.get('amount', '')} {r.POST.get('unit', '')}", reason=_text(r)
    ),
    "grant_extension": lambda r, i: _decide(r, i, True),
    "deny_extension": lambda r, i: _decide(r, i, False),
}


@require_POST
@allow(*UNIT_ROLES, *CLERK_ROLES, "admin")
def act(request: HttpRequest, public_id: str, name: str) -> HttpResponse:
    """One step on the clocks, then back to where the reader was."""
    if name not in _ACTS:
        raise NotFound
    try:
        _ACTS[name](request, public_id)
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        messages.error(request, message_of(refusal))
    return to_case(request, public_id)
