"""The dispatch catalogue: who would get a case and why; its rows as a form; what a draft would have done to last month.

A draft lives in the form alone: it is shown with its effect, then published as the next version, or forgotten.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from qixia.codes.queries import triage_classes
from qixia.codes.rules import SEVERITIES, SEVERITY_LABELS
from qixia.kernel.errors import DomainError, Invalid
from qixia.kernel.geo import Point
from qixia.places.rules import KINDS
from qixia.policy.queries import current
from qixia.reports import dispatching, services
from qixia.reports.access import CLERK_ROLES
from qixia.reports.policy import Routing, RoutingRow
from qixia.reports.queries import routing
from qixia.reports.queries.listing import areas_for
from qixia.triage.services import classify
from qixia.ui.access import allow
from qixia.ui.errors import message_of

ROWS_MAX = 400
_BLANK = 3
_FIELDS = ("unit", "matter", "site_kind", "division", "helpers", "row_note")


@never_cache
@require_http_methods(["GET", "POST"])
@allow(*CLERK_ROLES, "admin")
def catalogue(request: HttpRequest) -> HttpResponse:
    """Ask it, read it, and, for an administrator, change it."""
    if request.method == "POST":
        return _draft(request)
    return _page(request, {})


def _page(request: HttpRequest, more: dict[str, Any], status: int = 200) -> HttpResponse:
    rules = current(routing.KIND)
    edited, areas = request.actor.has("admin"), areas_for(request.actor)
    context = {
        "version": rules.version,
        "rows": routing.row_views(rules.data.rows),
        "edited": edited,
        "editing": edited and (request.GET.get("edit") == "1" or "drafted" in more),
        "asked": _asked(request),
        "answer": None,
        "matters": routing.matters(),
        "units": routing.units(),
        "site_kinds": KINDS.items(),
        "areas": areas,
        "area_codes": {area.code for area in areas},
        "severities": SEVERITY_LABELS.items(),
        "blank": range(_BLANK),
    } | more
    if request.method == "GET" and (context["asked"]["cls"] or context["asked"]["words"]):
        try:
            context["answer"] = _answer(context["asked"], rules.data.rows)
        except DomainError as refusal:
            context["refused"] = message_of(refusal)
    return render(request, "reports/routing/page.html", context, status=status)


# ── ask ───────────────────────────────────────────────────────────────────────
def _asked(request: HttpRequest) -> dict[str, str]:
    names = ("words", "cls", "severity", "lat", "lng", "community", "site_kind")
    return {name: request.GET.get(name, "").strip()[:200].replace("\0", "") for name in names}


def _answer(asked: dict[str, str], rows: list[RoutingRow]) -> routing.Answer:
    cls, severity, finding = asked["cls"], asked["severity"], ""
    if cls not in triage_classes():
        verdict = classify(asked["words"])
        cls, finding = verdict.cls, verdict.sentence
        severity = severity if severity in SEVERITIES else verdict.severity
    if severity not in SEVERITIES:
        severity = triage_classes()[cls].severity_floor if cls in triage_classes() else "normal"
    return routing.answer(
        rows,
        cls=cls,
        severity=severity,
        finding=finding,
        point=_point(asked),
        community=asked["community"],
        site_kind=asked["site_kind"],
    )


def _point(asked: dict[str, str]) -> Point | None:
    if not asked["lat"] and not asked["lng"]:
        return None
    try:
        return Point(float(asked["lat"]), float(asked["lng"]))
    except ValueError as error:
        raise Invalid("这个位置读不懂，请在地图上重新点。", field="lat") from error


# ── change ────────────────────────────────────────────────────────────────────
def _draft(request: HttpRequest) -> HttpResponse:
    given = _given(request)
    more: dict[str, Any] = {"drafted": given, "note": request.POST.get("note", "")[:300]}
    after = request.POST.get("after", "")
    more["version_seen"] = int(after) if after.isdigit() and len(after) < 9 else 0
    try:
        rows = [_row(one) for one in given]
        if request.POST.get("act") == "publish":
            made = services.publish_routing(
                actor=request.actor, rows=rows, note=more["note"], after=more["version_seen"]
            )
            messages.success(request, _("派单目录第 %(n)d 版已经生效。") % {"n": made})
            return HttpResponseRedirect(reverse("reports:routing"), status=303)
        draft: Routing = routing.parsed(rows)
        found = dispatching.faults(draft.rows, routing.known())
        more["faults"] = [
            {"row": one.index + 1, "what": _(routing.FAULT_WORDS[one.what]), "named": one.named} for one in found
        ]
        if not found:
            more["effect"] = routing.effect(request.actor, draft.rows)
    except DomainError as refusal:
        if refusal.status == 403:
            raise
        return _page(request, more | {"refused": message_of(refusal)}, status=refusal.status)
    return _page(request, more)


def _given(request: HttpRequest) -> list[dict[str, str]]:
    """The rows of the form that name a unit and are not struck out."""
    columns = [request.POST.getlist(name)[:ROWS_MAX] for name in _FIELDS]
    struck = set(request.POST.getlist("struck"))
    rows = [dict(zip(_FIELDS, values, strict=True)) for values in zip(*columns, strict=False)]
    kept = [row for index, row in enumerate(rows) if row["unit"] and str(index) not in struck]
    return [row | {"note": row["row_note"]} for row in kept]


def _row(given: dict[str, str]) -> dict[str, Any]:
    """As the rule writes it."""
    kind, _colon, named = given["matter"].partition(":")
    found: dict[str, Any] = {"unit": given["unit"], "helpers": routing.unit_names(given["helpers"])}
    if kind in ("class", "family") and named:
        found[kind] = named
    for name in ("site_kind", "division", "note"):
        if value := given["row_note" if name == "note" else name].strip():
            found[name] = value
    return found
