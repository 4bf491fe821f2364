"""Opening what is sealed: the data officer's page, and a picture as it came.

What was opened is drawn into the answer of the very request that opened it: no message, no session, no address holds
it, and no cache may keep it. Asked for again, it is opened and recorded again.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from qixia.audit.rules import BASES, REASON_MAX, REASON_MIN
from qixia.kernel.errors import DomainError
from qixia.reports import queries, rules, services
from qixia.reports.access import CLERK_ROLES, REVEAL_ROLE
from qixia.ui.access import allow
from qixia.ui.errors import message_of


@never_cache
@require_http_methods(["GET", "POST"])
@allow(REVEAL_ROLE)
def reveal(request: HttpRequest) -> HttpResponse:
    """Find a report by its number; open who sent it, with ground and reason."""
    if request.method == "POST":
        return _open(request)
    return _page(request, request.GET.get("number", ""))


def _open(request: HttpRequest) -> HttpResponse:
    number, basis, reason = (request.POST.get(name, "") for name in ("number", "basis", "reason"))
    try:
        opened = services.reveal_reporter(actor=request.actor, number=number, basis=basis, reason=reason)
    except DomainError as refusal:
        if refusal.status in (401, 403):
            raise
        errors = {refusal.field or "number": message_of(refusal)}
        return _page(request, number, basis=basis, reason=reason, errors=errors, status=refusal.status)
    context = {"opened": opened, "basis_label": _(BASES[basis])}
    return render(request, "reports/desk/revealed.html", context)


def _page(
    request: HttpRequest,
    number: str,
    *,
    basis: str = "",
    reason: str = "",
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    found = queries.sealed_case(request.actor, number) if number else None
    wrong = dict(errors or {})
    if number and found is None:
        wrong.setdefault("number", _("没有这个编号的上报。"))
    context = {
        "number": number,
        "found": found,
        "bases": [(key, _(BASES[key])) for key in rules.REVEAL_BASES],
        "basis": basis,
        "reason": reason,
        "errors": wrong,
        "least": REASON_MIN,
        "most": REASON_MAX,
    }
    return render(request, "reports/desk/reveal.html", context, status=status)


@never_cache
@require_POST
@allow(*CLERK_ROLES, "admin", REVEAL_ROLE)
def original(request: HttpRequest, public_id: str) -> HttpResponseBase:
    """One picture of a report as it came. A refusal is a plain page: the form stands in a dialog of the case."""
    opened = services.open_picture(
        actor=request.actor,
        public_id=public_id,
        picture=request.POST.get("picture", ""),
        basis=request.POST.get("basis", ""),
        reason=request.POST.get("reason", ""),
    )
    answer: HttpResponseBase
    if isinstance(opened.content, bytes):
        answer = HttpResponse(opened.content, content_type=opened.content_type)
    else:
        answer = StreamingHttpResponse(opened.content, content_type=opened.content_type)
    answer.headers["Content-Length"] = str(opened.size)
    answer.headers["Content-Disposition"] = "inline"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer
