"""Settlement in the console: all merchants' statements, issue with a preview, answers, corrections, payments, paper, Excel.

Administrators act, auditors read. Every refusal stands on the page with what was typed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from qixia.kernel import clock
from qixia.kernel.errors import DomainError, Invalid, NotFound
from qixia.kernel.ids import new_public_id
from qixia.rewards import services, settling
from qixia.rewards.queries import statements as queries
from qixia.rewards.services.settling.foreseeing import preview_month
from qixia.rewards.web.statements import day_of, number
from qixia.rewards.web.workbooks import month_sheet, statement_sheet
from qixia.ui.access import allow
from qixia.ui.errors import message_of

WRONG = 10**15  # a sum that nothing has


def month_of(text: str) -> date | None:
    return day_of(f"{text}-01") if len(text) == 7 else None


def fen_of(text: str) -> int:
    """What somebody typed as 元, with a sign or without: "12.5" → 1250. Invalid for what is no amount."""
    try:
        typed = Decimal(text.strip().replace(",", "").replace("，", "") or "x")
        fen = typed * 100
        if not typed.is_finite() or fen != fen.to_integral_value() or abs(fen) >= WRONG:
            raise InvalidOperation
    except InvalidOperation as error:
        raise Invalid("金额请写成元，最多两位小数，例如 12.50。", field="fen") from error
    return int(fen)


@never_cache
@allow("admin", "auditor")
@require_safe
def settlement(request: HttpRequest) -> HttpResponse:
    known = queries.months_known()
    month = month_of(request.GET.get("month", ""))
    state = request.GET.get("state", "")
    state = state if state in settling.STATES else ""
    shop = request.GET.get("shop", "").strip()[:40]
    before = number(request.GET.get("before", ""))
    context = {
        "page": queries.month_list(request.actor, month=month, state=state, shop=shop, before=before),
        "sums": queries.month_sums(request.actor, month=month, state=state, shop=shop),
        "months": known,
        "states": [(key, _(label)) for key, label in settling.LABELS.items()],
        "last": settling.last_month(clock.city_date(clock.now())),
        "may_settle": request.actor.has("admin"),
        "month": month,
        "state": state,
        "shop": shop,
    }
    return render(request, "rewards/desk/settlement.html", context)


@never_cache
@allow("admin")
@require_http_methods(["GET", "HEAD", "POST"])
def issue(request: HttpRequest) -> HttpResponse:
    """What would be issued for a month; on POST, issue what is ticked."""
    today = clock.city_date(clock.now())
    month = month_of(request.GET.get("month", request.POST.get("month", ""))) or settling.last_month(today)
    if request.method == "POST":
        chosen = {one for text in request.POST.getlist("merchant") if (one := number(text))}
        if chosen:
            done = services.issue_month(actor=request.actor, month=month, merchants=chosen)
            if done.issued:
                messages.success(request, _("出了 %(n)d 份账单，商家已收到通知。") % {"n": len(done.issued)})
            if done.waiting:
                messages.error(request, _("%(n)d 份等着预算：补贴预算不够。") % {"n": len(done.waiting)})
            return HttpResponseRedirect(f"{reverse('rewards:settlement')}?month={month:%Y-%m}", status=303)
        messages.error(request, _("请先选商家。"))
    if month >= settling.first_of(today):
        raise NotFound
    found = preview_month(request.actor, month)
    context = {
        "preview": found,
        "rows": [
            (row, queries.money(row.total), queries.money(row.fen), queries.money(row.brought_fen))
            for row in found.rows
        ],
        "needs": queries.money(found.needs_fen),
        "cover": queries.money(found.cover_fen),
        "smallest": queries.money(found.smallest_fen),
    }
    return render(request, "rewards/desk/settlement_issue.html", context)


@never_cache
@allow("admin", "auditor")
@require_safe
def statement(request: HttpRequest, public_id: str) -> HttpResponse:
    return _page(request, public_id)


def _page(
    request: HttpRequest, public_id: str, refused: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    day = day_of(request.GET.get("day", ""))
    after = number(request.GET.get("after", "")) or 0
    context = {
        "view": queries.desk_statement(request.actor, public_id),
        "day": day,
        "lines": queries.desk_lines(request.actor, public_id, day=day, after=after),
        "today": clock.city_date(clock.now()),
        "may_settle": request.actor.has("admin"),
        "refused": refused,
        "client_key": new_public_id(),
    }
    return render(request, "rewards/desk/settlement_one.html", context, status=status)


def _acted(request: HttpRequest, public_id: str, act: str, done: Callable[[], object], said: str) -> HttpResponse:
    """Do it and come back, or show the page again with the refusal beside the form `act`."""
    try:
        done()
    except DomainError as error:
        if error.status == 404:
            raise
        return _page(request, public_id, {"act": act, "words": message_of(error), "typed": request.POST}, error.status)
    messages.success(request, said)
    return HttpResponseRedirect(reverse("rewards:settlement-one", args=[public_id]), status=303)


@allow("admin")
@require_POST
def answer(request: HttpRequest, public_id: str, dispute: str) -> HttpResponse:
    """Accept an objection with a sum, or refuse it with a reason."""
    words = request.POST.get("answer", "")[:400]

    def done() -> None:
        fen = fen_of(request.POST.get("yuan", "")) if request.POST.get("act") == "accept" else 0
        if not fen and request.POST.get("act") == "accept":
            raise Invalid("请写更正多少元；不更正就点“不更正”。", field="fen")
        services.answer_dispute(actor=request.actor, dispute=dispute, answer=words, fen=fen)

    return _acted(request, public_id, f"answer-{dispute}", done, _("已答复，商家会收到通知。"))


@allow("admin")
@require_POST
def correct(request: HttpRequest, public_id: str) -> HttpResponse:
    def done() -> None:
        fen = fen_of(request.POST.get("yuan", ""))
        services.correct(
            actor=request.actor,
            statement=public_id,
            fen=fen,
            reason=request.POST.get("reason", "")[:300],
            client_key=request.POST.get("client_key", ""),
        )

    return _acted(request, public_id, "correct", done, _("已更正，商家会收到通知。"))


@allow("admin")
@require_POST
def pay(request: HttpRequest, public_id: str) -> HttpResponse:
    def done() -> None:
        paid_on = day_of(request.POST.get("paid_on", ""))
        if paid_on is None:
            raise Invalid("请选付款日期。", field="paid_on")
        services.record_payment(
            actor=request.actor,
            statement=public_id,
            fen=fen_of(request.POST.get("yuan", "")),
            paid_on=paid_on,
            bank_ref=request.POST.get("bank_ref", "")[:60],
        )

    return _acted(request, public_id, "pay", done, _("付款已登记，商家会收到通知。"))


@allow("admin")
@require_POST
def reverse_payment(request: HttpRequest, public_id: str, payment: str) -> HttpResponse:
    def done() -> None:
        services.reverse_payment(actor=request.actor, payment=payment, reason=request.POST.get("reason", "")[:300])

    return _acted(request, public_id, f"reverse-{payment}", done, _("这笔付款登记已撤回。"))


@never_cache
@allow("admin", "auditor")
@require_safe
def paper(request: HttpRequest, public_id: str) -> HttpResponse:
    """For signing and stamping."""
    view = queries.desk_statement(request.actor, public_id)
    lines = queries.desk_lines(request.actor, public_id, day=None)
    return render(request, "rewards/desk/settlement_paper.html", {"view": view, "lines": lines})


@allow("admin", "auditor")
@require_safe
def sheet(request: HttpRequest, public_id: str) -> FileResponse:
    view = queries.desk_statement(request.actor, public_id)
    return statement_sheet(view, queries.all_lines(request.actor, public_id, own=False))


@allow("admin", "auditor")
@require_safe
def sheet_of_month(request: HttpRequest, month: str) -> FileResponse:
    wanted = month_of(month)
    if wanted is None:
        raise NotFound
    queries.must_read(request.actor)
    return month_sheet(wanted, queries.all_of_month(request.actor, wanted))
