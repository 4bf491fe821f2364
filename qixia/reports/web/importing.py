"""Bringing in a group's messages or a list of cases: paste or upload, look at each row, confirm, see what came of it.

Plain forms do everything; with htmx a row is drawn anew by itself. Thin: every decision is a service's.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from qixia.kernel.errors import DomainError, Invalid
from qixia.kernel.geo import Point
from qixia.reports import services
from qixia.reports.access import CLERK_ROLES
from qixia.reports.importing.limits import MB, ROWS, UPLOAD_BYTES
from qixia.reports.importing.sheets import write_excel
from qixia.reports.queries import imports
from qixia.ui.access import allow
from qixia.ui.errors import message_of
from qixia.ui.negotiation import wants_fragment

BUSY = ("reading", "making")
_EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@allow(*CLERK_ROLES, "admin")
def start(request: HttpRequest) -> HttpResponse:
    """The form, and what was brought in before; POST takes a paste or a file."""
    if request.method == "POST":
        try:
            return _started(request)
        except Invalid as refusal:
            return _form(request, refusal)
        except DomainError as refusal:
            if refusal.status in (401, 403, 404):
                raise
            messages.error(request, message_of(refusal))
            return _see("reports:import")
    return _form(request)


def _started(request: HttpRequest) -> HttpResponse:
    file = request.FILES.get("file")
    found = services.import_upload(
        actor=request.actor, text=request.POST.get("text", ""), file=file, name=file.name or "" if file else ""
    )
    if found.repeated:
        messages.info(request, _("这个文件已经导入过，这是上次的那一批。"))
    return _see("reports:import_batch", found.public_id)


def _form(request: HttpRequest, refusal: Invalid | None = None) -> HttpResponse:
    context = {
        "batches": imports.batches(request.actor),
        "text": request.POST.get("text", "")[:200_000],
        "refused": {refusal.field or "file": message_of(refusal)} if refusal else {},
        "most_mb": UPLOAD_BYTES // MB,
        "most_rows": ROWS,
    }
    return render(request, "reports/import/start.html", context, status=refusal.status if refusal else 200)


@never_cache
@require_safe
@allow(*CLERK_ROLES, "admin")
def batch(request: HttpRequest, batch: str) -> HttpResponse:
    """One batch: being read, to be looked at, or done."""
    view = imports.batch_view(request.actor, batch)
    only = request.GET.get("only", "all")
    page = None
    if view.state not in ("reading", "failed", "dropped"):
        page = imports.rows_page(request.actor, batch, only, request.GET.get("after", ""))
    context = {
        "view": view,
        "page": page,
        "only": only,
        "is_busy": view.state in BUSY,
        "filters": _filters(view, only),
        "more_url": f"?{urlencode({'only': only, 'after': page.next_key})}" if page and page.next_key else "",
    }
    return render(request, "reports/import/batch.html", context)


def _filters(view: imports.BatchView, only: str) -> list[dict[str, Any]]:
    labels = {"all": _("全部"), "new": _("新建"), "same": _("同一件"), "skip": _("不导入"), "wrong": _("还差点什么")}
    return [
        {"url": f"?only={name}", "label": label, "count": view.tally[name], "on": name == only}
        for name, label in labels.items()
    ]


@never_cache
@require_safe
@allow(*CLERK_ROLES, "admin")
def state(request: HttpRequest, batch: str) -> HttpResponse:
    """204 while a job is at work, then the page is to be drawn anew."""
    if imports.batch_of(request.actor, batch).state in BUSY:
        return HttpResponse(status=204)
    return HttpResponse(headers={"HX-Refresh": "true"})


@require_POST
@allow(*CLERK_ROLES, "admin")
def columns(request: HttpRequest, batch: str) -> HttpResponse:
    """Which column is what."""
    names = [name for name in request.POST if name.startswith("column-")]
    chosen = {name.removeprefix("column-"): str(request.POST[name]) for name in names}
    mapping = {
        name: int(value) for name, value in chosen.items() if value.isascii() and value.isdigit() and len(value) < 4
    }
    return _acted(request, batch, lambda: services.map_import(actor=request.actor, batch=batch, mapping=mapping))


@require_POST
@allow(*CLERK_ROLES, "admin")
def row(request: HttpRequest, batch: str, row: str) -> HttpResponse:
    """What a clerk says of one row."""
    refused = ""
    try:
        services.decide_import_row(actor=request.actor, batch=batch, row=row, decision=_decision(request))
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        refused = message_of(refusal)
    if wants_fragment(request):
        context = {
            "view": imports.batch_view(request.actor, batch),
            "row": imports.row_view(request.actor, batch, row),
            "refused": refused,
        }
        return render(request, "reports/import/_row_swap.html", context)
    if refused:
        messages.error(request, refused)
    return _see("reports:import_batch", batch)


def _decision(request: HttpRequest) -> services.RowDecision:
    post = request.POST
    choice, _mark, same_as = post.get("choice", "").partition(":")
    return services.RowDecision(
        choice=choice or None,
        same_as=same_as or None,
        place=_point(post.get("lat", ""), post.get("lng", "")),
        match=post.get("match", "") if "match_asked" in post else None,
    )


def _point(lat: str, lng: str) -> Point | None:
    if not lat and not lng:
        return None
    try:
        return Point(float(lat), float(lng))
    except ValueError:
        raise Invalid("位置不是数字，请在地图上点一下。", field="place") from None


@require_POST
@allow(*CLERK_ROLES, "admin")
def confirm(request: HttpRequest, batch: str) -> HttpResponse:
    """Make the reports."""
    return _acted(request, batch, lambda: services.confirm_import(actor=request.actor, batch=batch))


@require_POST
@allow(*CLERK_ROLES, "admin")
def drop(request: HttpRequest, batch: str) -> HttpResponse:
    """Throw it away."""
    answer = _acted(request, batch, lambda: services.drop_import(actor=request.actor, batch=batch))
    gone = imports.batch_of(request.actor, batch).state == "dropped"
    return _see("reports:import") if gone else answer


def _acted(request: HttpRequest, batch: str, act: Any) -> HttpResponse:
    try:
        act()
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        messages.error(request, message_of(refusal))
    return _see("reports:import_batch", batch)


@never_cache
@require_safe
@allow(*CLERK_ROLES, "admin")
def faults(request: HttpRequest, batch: str) -> HttpResponse:
    """Excel of what is wrong, by line and field; nothing in it is a formula."""
    rows = imports.faults_of(request.actor, batch)
    headings = [_("第几行"), _("谁"), _("内容"), _("哪一项"), _("为什么")]
    answer = HttpResponse(write_excel(headings, rows), content_type=_EXCEL)
    answer.headers["Content-Disposition"] = f'attachment; filename="import-{batch[:8]}-errors.xlsx"'
    return answer


def _see(name: str, *args: str) -> HttpResponse:
    return HttpResponseRedirect(reverse(name, args=args), status=303)
