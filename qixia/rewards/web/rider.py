"""A rider's pages: ledger, rules, catalogue, vouchers. Plain forms; htmx only brings in older lines."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from qixia.kernel import clock, tokens
from qixia.kernel.errors import DomainError
from qixia.kernel.ids import new_public_id
from qixia.rewards import qr, queries, services
from qixia.rewards.models import Item
from qixia.rewards.queries.purse import LotLine
from qixia.rewards.web.booking import times_of
from qixia.ui.access import allow
from qixia.ui.errors import message_of

LEDGER_CHIPS = [
    ("all", gettext_lazy("全部")),
    ("earned", gettext_lazy("得分")),
    ("used", gettext_lazy("兑换")),
    ("reversed", gettext_lazy("冲正")),
]
NEED_CHIPS = [("", gettext_lazy("全部")), ("reach", gettext_lazy("够得着")), *Item.Need.choices]


def _key(text: str) -> int | None:
    """A page's key from the address; a wrong one is the first page."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


@allow("rider")
@require_safe
def ledger(request: HttpRequest) -> HttpResponse:
    only = request.GET.get("only", "all")
    only = only if only in dict(LEDGER_CHIPS) else "all"
    page = queries.entries_page(request.actor.ref, only=only, before=_key(request.GET.get("before", "")))
    context = {"tab": "me", "page": page, "only": only, "chips": LEDGER_CHIPS}
    if not request.GET.get("before"):
        context["summary"] = queries.summary_for(request.actor.ref)
        context["lots"] = _lots_bar(queries.lots_of(request.actor.ref))
    return render(request, "rewards/ledger.html", context)


def _lots_bar(lots: list[LotLine]) -> list[tuple[int, str, LotLine]]:
    """Where each lot begins in the bar and its colour: those that end soon, the one that is spent next, the others."""
    parts, begin = [], 0
    for lot in lots:
        parts.append((begin, "lot-1" if lot.soon else "lot-3" if begin else "lot-2", lot))
        begin += lot.points
    return parts


@allow("rider")
@require_http_methods(["GET", "HEAD", "POST"])
def entry(request: HttpRequest, number: int) -> HttpResponse:
    """Why an entry is what it is; on POST, say that it is wrong."""
    error: DomainError | None = None
    text, shows = request.POST.get("text", "")[:600], request.POST.get("shows") == "1"
    if request.method == "POST":
        try:
            services.appeal_points(actor=request.actor, entry=number, text=text, shows=shows)
            messages.success(request, _("已送出，有人看了会告诉你。"))
            return HttpResponseRedirect(reverse("rewards:entry", args=[number]), status=303)
        except DomainError as refused:
            error = refused
    context = {
        "tab": "me",
        "view": queries.entry(request.actor, number),
        "text": text,
        "shows": shows,
        "error": message_of(error) if error else "",
    }
    return render(request, "rewards/entry.html", context, status=error.status if error else 200)


@allow("anyone")
@require_safe
def rule_book(request: HttpRequest) -> HttpResponse:
    return render(request, "rewards/rules.html", {"tab": "me", "book": queries.rule_book()})


@allow("rider")
@require_safe
def catalogue(request: HttpRequest) -> HttpResponse:
    need = request.GET.get("need", "")
    need = need if need in dict(NEED_CHIPS) else ""
    summary = queries.summary_for(request.actor.ref)
    goods = queries.goods(request.actor, need=need, purse=summary.balance)
    context = {
        "tab": "me",
        "summary": summary,
        "goods": goods,
        "need": need,
        "chips": NEED_CHIPS,
        "lines": queries.lines_of(request.actor),
    }
    return render(request, "rewards/catalogue.html", context)


@allow("rider")
@require_http_methods(["GET", "HEAD", "POST"])
def item(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show an item and, on POST, take one: the key in the form makes a second tap the same voucher."""
    error: DomainError | None = None
    key, slot, seen = (request.POST.get(name, "") for name in ("client_key", "slot", "seen_price"))
    if request.method == "POST":
        try:
            made = services.reserve(
                actor=request.actor,
                item=public_id,
                client_key=key,
                slot=slot or None,
                seen_price=int(seen) if seen.isdecimal() and len(seen) < 10 else None,
            )
            return HttpResponseRedirect(reverse("rewards:voucher", args=[made.public_id]))
        except DomainError as refused:
            error = refused
    good = queries.good(request.actor, public_id)
    context = {
        "tab": "me",
        "good": good,
        "conditions": queries.conditions(public_id),
        "shop_page": queries.shop_page(good.merchant_id),
        "terms": queries.booking_terms(),
        "summary": queries.summary_for(request.actor.ref),
        "client_key": new_public_id(),
        "chosen": slot,
        "error": message_of(error) if error else "",
        **(times_of(request, public_id) if good.has_slots else {}),
    }
    return render(request, "rewards/item.html", context, status=error.status if error else 200)


@allow("rider")
@require_safe
def vouchers(request: HttpRequest) -> HttpResponse:
    return render(request, "rewards/vouchers.html", {"tab": "me", "tickets": queries.tickets(request.actor)})


@allow("rider")
@require_safe
def voucher(request: HttpRequest, public_id: str) -> HttpResponse:
    ticket = queries.ticket(request.actor, public_id)
    context = {"tab": "me", "ticket": ticket, "terms": queries.code_terms()}
    if ticket.used:
        context["takings"] = queries.takings(request.actor, public_id)
    return render(request, "rewards/voucher.html", context)


@allow("rider")
@require_safe
def code(request: HttpRequest, public_id: str) -> HttpResponse:
    """The present code as a picture at its own address: what is seen until the script draws, and without it."""
    shown = queries.codes_of(request.actor, public_id).text(clock.now())
    response = HttpResponse(qr.picture(shown), content_type="image/svg+xml")
    response["Cache-Control"] = "private, no-store"
    return response


@allow("rider")
@require_safe
def codes(request: HttpRequest, public_id: str) -> JsonResponse:
    """The codes of the next hours, for the script. The service worker keeps the last answer for the time without network."""
    chain = queries.codes_of(request.actor, public_id)
    used = queries.ticket(request.actor, public_id).used
    now = int(clock.now().timestamp() * 1000)
    given = {"signed": tokens.b64(chain.signed), "last": tokens.b64(chain.last), "steps": chain.steps}
    response = JsonResponse({**given, "used": used, "now": now})
    response["Cache-Control"] = "private, no-store"
    return response


@allow("rider")
@require_POST
def cancel(request: HttpRequest, public_id: str) -> HttpResponse:
    done = services.cancel(actor=request.actor, voucher=public_id)
    messages.success(request, _("已退回，%(points)s 分回到你的账上。") % {"points": done.returned})
    return HttpResponseRedirect(reverse("rewards:vouchers"))
