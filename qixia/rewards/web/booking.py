"""A rider chooses a time, waits for what is gone, or moves what is booked. Plain forms, one thumb."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from qixia.kernel.errors import DomainError
from qixia.rewards import queries, services
from qixia.ui.access import allow
from qixia.ui.errors import message_of


def times_of(request: HttpRequest, item: str) -> dict[str, Any]:
    """The days of an item, the one that was asked for (else the first with a free place), and what is kept for whom."""
    days = queries.bookable_days(item)
    asked = request.GET.get("day", "")
    lines = {line.slot: line for line in queries.lines_of(request.actor) if line.item == item and line.slot}
    kept = {slot for slot, line in lines.items() if line.is_offered}
    day = next((one for one in days if f"{one.day:%Y-%m-%d}" == asked), None)
    if day is None:
        wanted = (one for one in days if one.left or kept & {time.public_id for time in one.times})
        day = next(wanted, days[0] if days else None)
    return {"days": days, "day": day, "lines": lines, "kept": kept}


@allow("rider")
@require_POST
def wait(request: HttpRequest, public_id: str) -> HttpResponse:
    """Stand in line, and back to the item."""
    try:
        services.wait(actor=request.actor, item=public_id, slot=request.POST.get("slot") or None)
        messages.success(request, _("排上了。轮到你会告诉你，给你留着，过时才给下一位。"))
    except DomainError as refused:
        messages.error(request, message_of(refused))
    return HttpResponseRedirect(_item(request, public_id), status=303)


@allow("rider")
@require_POST
def leave(request: HttpRequest, public_id: str) -> HttpResponse:
    row = services.leave(actor=request.actor, waiting=public_id)
    messages.success(request, _("不排“%(name)s”了。") % {"name": row.item.name})
    return HttpResponseRedirect(reverse("rewards:catalogue"), status=303)


@allow("rider")
@require_http_methods(["GET", "HEAD", "POST"])
def rebook(request: HttpRequest, public_id: str) -> HttpResponse:
    """Another time for a voucher."""
    ticket = queries.ticket(request.actor, public_id)
    if ticket.booked is None or not ticket.is_open:
        return HttpResponseRedirect(reverse("rewards:voucher", args=[public_id]))
    error: DomainError | None = None
    if request.method == "POST":
        try:
            services.rebook(actor=request.actor, voucher=public_id, slot=request.POST.get("slot", ""))
            messages.success(request, _("时间改好了。"))
            return HttpResponseRedirect(reverse("rewards:voucher", args=[public_id]), status=303)
        except DomainError as refused:
            error = refused
    context = {
        "tab": "me",
        "ticket": ticket,
        "error": message_of(error) if error else "",
        "own_slot": ticket.booked.slot,
        "is_rebooking": True,
        **times_of(request, ticket.booked.item),
    }
    return render(request, "rewards/rebook.html", context, status=error.status if error else 200)


def _item(request: HttpRequest, public_id: str) -> str:
    day = request.POST.get("day", "")[:10]
    page = reverse("rewards:item", args=[public_id])
    return f"{page}?day={day}" if day.replace("-", "").isdigit() else page
