"""A merchant's statements on the phone: months, one statement with its days folded, objections, agreement, Excel."""

from __future__ import annotations

from datetime import date

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from qixia.kernel.errors import DomainError
from qixia.rewards import services
from qixia.rewards.queries import statements as queries
from qixia.rewards.web.workbooks import statement_sheet
from qixia.ui.access import allow
from qixia.ui.errors import message_of


def number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def day_of(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@never_cache
@allow("merchant")
@require_safe
def statements(request: HttpRequest) -> HttpResponse:
    page = queries.own_list(request.actor, before=number(request.GET.get("before", "")))
    shops = len({row.shop for row in page.items})
    return render(request, "rewards/statements.html", {"tab": "", "page": page, "many": shops > 1})


@never_cache
@allow("merchant")
@require_safe
def statement(request: HttpRequest, public_id: str) -> HttpResponse:
    return _statement(request, public_id)


def _statement(request: HttpRequest, public_id: str, error: str = "", status: int = 200) -> HttpResponse:
    day = day_of(request.GET.get("day", ""))
    context: dict[str, object] = {
        "tab": "",
        "view": queries.own_statement(request.actor, public_id),
        "day": day,
        "error": error,
    }
    if day:
        after = number(request.GET.get("after", "")) or 0
        context["lines"] = queries.own_lines(request.actor, public_id, day=day, after=after)
    return render(request, "rewards/statement.html", context, status=status)


@never_cache
@allow("merchant")
@require_http_methods(["GET", "HEAD", "POST"])
def dispute(request: HttpRequest, public_id: str) -> HttpResponse:
    """Say what is wrong with a line (`?line=`) or with the whole."""
    key = number(request.GET.get("line", request.POST.get("line", "")))
    reason, error, status = request.POST.get("reason", "")[:400], "", 200
    if request.method == "POST":
        try:
            services.dispute(actor=request.actor, statement=public_id, reason=reason, line=key)
        except DomainError as refused:
            if refused.status in (403, 404):
                raise
            error, status = message_of(refused), refused.status
        else:
            messages.success(request, _("异议已送出，有了答复会告诉你。"))
            return HttpResponseRedirect(reverse("rewards:statement", args=[public_id]), status=303)
    view = queries.own_statement(request.actor, public_id)
    line = queries.own_line(request.actor, public_id, key) if key else None
    context = {"tab": "", "view": view, "line": line, "reason": reason, "error": error}
    return render(request, "rewards/dispute.html", context, status=status)


@allow("merchant")
@require_POST
def agree(request: HttpRequest, public_id: str) -> HttpResponse:
    try:
        services.agree(actor=request.actor, statement=public_id, seen_fen=_signed(request.POST.get("seen", "")))
    except DomainError as refused:
        if refused.status == 404:
            raise
        return _statement(request, public_id, message_of(refused), refused.status)
    messages.success(request, _("已确认。"))
    return HttpResponseRedirect(reverse("rewards:statement", args=[public_id]), status=303)


def _signed(text: str) -> int:
    """The sum that was on the page; one that no statement has for what is none."""
    sign = -1 if text.startswith("-") else 1
    found = number(text.removeprefix("-"))
    return -(10**15) if found is None else sign * found


@allow("merchant")
@require_safe
def sheet(request: HttpRequest, public_id: str) -> FileResponse:
    view = queries.own_statement(request.actor, public_id)
    return statement_sheet(view, queries.all_lines(request.actor, public_id, own=True))
