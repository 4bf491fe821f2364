"""One act on many cases: choose in a list, look what will happen, do it, read what happened.

The preview changes nothing and may be drawn again; only `do` writes, under a key that the preview made, so that a
second press or a page sent again repeats nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from qixia.kernel.errors import DomainError, NotFound
from qixia.kernel.ids import new_public_id
from qixia.people.queries import Member, organisations, staff_of
from qixia.reports import acts, services
from qixia.reports.access import STAFF_ROLES, UNIT_ROLES
from qixia.reports.queries.bulk import bulk_result
from qixia.reports.queries.clocks import pause_reasons
from qixia.reports.queries.listing import rows_of
from qixia.reports.queries.wording import wordings_for_many
from qixia.reports.services.desk.bulk import Params
from qixia.reports.web.desk import back_to
from qixia.ui.access import allow
from qixia.ui.errors import message_of


@never_cache
@require_POST
@allow(*STAFF_ROLES)
def preview(request: HttpRequest) -> HttpResponse:
    """Each chosen case: will it work, and if not, why."""
    act = _act(request)
    given, chosen = _given(request, act), request.POST.getlist("all") or request.POST.getlist("case")
    if "wording" in request.POST:  # without scripts: the chosen standard text takes the place of what was written
        given = _worded(request, act, given)
    try:
        looks = services.look_ahead(actor=request.actor, act=act.key, public_ids=chosen, given=given)
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        messages.error(request, message_of(refusal))
        return HttpResponseRedirect(back_to(request), status=303)
    rows = rows_of(request.actor, [look.report for look in looks])
    context = {
        "act": act,
        "given": given,
        "lines": [{"row": row, "why": look.why} for row, look in zip(rows, looks, strict=True)],
        "ready": sum(not look.why for look in looks),
        "gone": len(set(chosen)) - len(looks),
        "key": new_public_id(),
        "here": back_to(request),
        **_offers(request, act),
    }
    return render(request, "reports/desk/bulk.html", context)


@require_POST
@allow(*STAFF_ROLES)
def do(request: HttpRequest) -> HttpResponse:
    """Do it; the page that tells is the run's own, so pressing again comes to the same one."""
    act = _act(request)
    try:
        run = services.run_bulk(
            actor=request.actor,
            act=act.key,
            public_ids=request.POST.getlist("case"),
            given=_given(request, act),
            key=request.POST.get("client_key", ""),
        )
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        messages.error(request, message_of(refusal))
        return HttpResponseRedirect(back_to(request), status=303)
    return HttpResponseRedirect(reverse("reports:bulk_result", args=[run.public_id]), status=303)


@never_cache
@require_safe
@allow(*STAFF_ROLES)
def result(request: HttpRequest, public_id: str) -> HttpResponse:
    """What became of each case of a run of one's own."""
    context = {"result": bulk_result(request.actor, public_id), "here": reverse("reports:queue")}
    return render(request, "reports/desk/bulk_result.html", context)


def _act(request: HttpRequest) -> acts.BulkAct:
    act = acts.ACTS.get(request.POST.get("act", ""))
    if act is None:
        raise NotFound
    return act


def _given(request: HttpRequest, act: acts.BulkAct) -> Params:
    return Params(**{name: request.POST.get(name, "").strip() for name in act.fields})


def _worded(request: HttpRequest, act: acts.BulkAct, given: Params) -> Params:
    offered = {one.key: one.text for one in wordings_for_many(act.step)}
    return replace(given, text=offered.get(request.POST.get("wording_key", ""), given.text))


def _offers(request: HttpRequest, act: acts.BulkAct) -> dict[str, Any]:
    """What the form lets choose from."""
    return {
        "units": organisations("unit", "property", "community") if "unit" in act.fields else [],
        "people": _colleagues(request) if "person" in act.fields else [],
        "wordings": wordings_for_many(act.step) if "text" in act.fields else [],
        "reasons": pause_reasons() if "reason" in act.fields else [],
        "text_label": _("骑手会看到这句话") if act.key == "answer" else _("理由或说明"),
    }


def _colleagues(request: HttpRequest) -> list[Member]:
    found: dict[str, Member] = {}
    for unit in sorted(request.actor.organisation_ids(*UNIT_ROLES)):
        found |= {member.public_id: member for member in staff_of(unit, *UNIT_ROLES)}
    return list(found.values())
