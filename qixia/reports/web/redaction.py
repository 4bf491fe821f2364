"""The page where a person settles what is covered in a picture. Works without script: each box is a row of numbers.

The unredacted picture is never part of the page: it is the answer to a form with a reason, kept by no cache.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from qixia.audit.rules import REASON_MAX, REASON_MIN
from qixia.kernel.errors import DomainError, Invalid
from qixia.reports import queries, services
from qixia.reports.access import CLERK_ROLES, REVEAL_ROLE
from qixia.ui.access import allow
from qixia.ui.errors import message_of

SPARE = 2  # empty rows for whoever has no script
_SIDES = ("x", "y", "w", "h")


@never_cache
@require_http_methods(["GET", "POST"])
@allow(*CLERK_ROLES, "admin", REVEAL_ROLE)
def redaction(request: HttpRequest, public_id: str, evidence: str) -> HttpResponse:
    """The picture with its boxes; a POST settles them."""
    if request.method == "POST":
        return _save(request, public_id, evidence)
    return _page(request, public_id, evidence)


def _save(request: HttpRequest, public_id: str, evidence: str) -> HttpResponse:
    rows = _rows(request)
    try:
        services.cover_picture(
            actor=request.actor,
            public_id=public_id,
            picture=evidence,
            boxes=_boxes(rows),
            revision=_number(request.POST.get("revision", "")) or 0,
            reason=request.POST.get("reason", ""),
        )
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        wrong = {refusal.field or "boxes": message_of(refusal)}
        return _page(request, public_id, evidence, rows=rows, errors=wrong, status=refusal.status)
    messages.success(request, _("已保存。照片正在按新的遮挡重新处理，几秒后可看。"))
    return HttpResponseRedirect(reverse("reports:redaction", args=[public_id, evidence]), status=303)


def _rows(request: HttpRequest) -> list[dict[str, str]]:
    """The rows of the form that are not empty and not ticked to go."""
    columns = {name: request.POST.getlist(name) for name in ("kind", *_SIDES)}
    dropped = set(request.POST.getlist("drop"))
    rows = []
    for index, values in enumerate(zip(*columns.values(), strict=False)):
        row = dict(zip(columns, values, strict=True))
        if str(index) not in dropped and any(row[side].strip() for side in _SIDES):
            rows.append(row)
    return rows


def _boxes(rows: list[dict[str, str]]) -> list[dict[str, Any]]:
    return [{"kind": row["kind"], **{side: _number(row[side]) for side in _SIDES}} for row in rows]


def _number(text: str) -> int | None:
    """A whole number of at most six digits, else None, which the service refuses."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else None


def _page(
    request: HttpRequest,
    public_id: str,
    evidence: str,
    *,
    rows: list[dict[str, str]] | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    view = queries.covered_picture(request.actor, public_id, evidence)
    context = {
        "view": view,
        "boxes": view.boxes if rows is None else rows,
        "spare": range(SPARE),
        "errors": errors or {},
        "reason": request.POST.get("reason", ""),
        "least": REASON_MIN,
        "most": REASON_MAX,
        "may_settle": view.state in ("ready", "held") and view.has_original,
        "has_case_page": request.actor.has(*CLERK_ROLES, "admin"),
    }
    return render(request, "reports/desk/redaction.html", context, status=status)


@never_cache
@require_POST
@allow(*CLERK_ROLES, "admin", REVEAL_ROLE)
def uncovered(request: HttpRequest, public_id: str, evidence: str) -> HttpResponseBase:
    """The picture as it came, for placing boxes: asked for with a reason, on record."""
    reason = request.POST.get("reason", "")
    opened = services.open_for_covering(actor=request.actor, public_id=public_id, picture=evidence, reason=reason)
    if not isinstance(opened.content, bytes):
        raise Invalid("视频不能在这里打开。", field="reason")
    answer = HttpResponse(opened.content, content_type=opened.content_type)
    answer.headers["Content-Disposition"] = "inline"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer
