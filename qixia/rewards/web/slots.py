"""The administrator's times of an item: a week at a glance, made by a rule or one by one, changed and called off."""

from __future__ import annotations

from datetime import date

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from qixia.kernel import clock
from qixia.kernel.errors import DomainError
from qixia.rewards import queries, services
from qixia.rewards.errors import NoSuchItem, NoSuchSlot
from qixia.rewards.models import Item
from qixia.rewards.web.forms import OneSlotFields, PlanFields
from qixia.ui.access import allow
from qixia.ui.errors import message_of


@allow("admin")
@require_http_methods(["GET", "HEAD", "POST"])
def slots(request: HttpRequest, public_id: str) -> HttpResponse:
    """The week, and on POST new slots: `act` is "plan" for a rule, "one" for a single one."""
    item = queries.item_for_edit(public_id)
    if item is None:
        raise NoSuchItem
    act = request.POST.get("act", "")
    plan = PlanFields(request.POST if act == "plan" else None)
    one = OneSlotFields(request.POST if act == "one" else None)
    status = 200
    if request.method == "POST":
        shown = _make(request, item, plan if act == "plan" else one)
        if isinstance(shown, HttpResponse):
            return shown
        status = shown
    context = {
        "item": item,
        "week": queries.week_of_slots(item, _day(request.GET.get("day", ""))),
        "plan": plan,
        "one": one,
        "terms": queries.booking_terms(),
    }
    return render(request, "rewards/desk/slots.html", context, status=status)


def _day(text: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return clock.city_date(clock.now())
    return found if 2000 <= found.year <= 2100 else clock.city_date(clock.now())


def _make(request: HttpRequest, item: Item, form: PlanFields | OneSlotFields) -> HttpResponse | int:
    """To the week of what was made, or the status with which the form comes back."""
    if not form.is_valid():
        return 422
    try:
        if isinstance(form, PlanFields):
            day, count = form.cleaned_data["first"], _make_plan(request, item, form)
        else:
            day, count = form.cleaned_data["day"], _make_one(request, item, form)
    except DomainError as error:
        _say(form, error)
        return error.status
    messages.success(request, ngettext("排好了 %(n)s 场", "排好了 %(n)s 场", count) % {"n": count})
    return HttpResponseRedirect(_week_page(item.public_id, day), status=303)


def _make_plan(request: HttpRequest, item: Item, form: PlanFields) -> int:
    return services.make_slots(actor=request.actor, item=item.public_id, plan=form.as_plan())


def _make_one(request: HttpRequest, item: Item, form: OneSlotFields) -> int:
    data = form.cleaned_data
    services.add_slot(
        actor=request.actor,
        item=item.public_id,
        starts_at=form.starts_at,
        minutes=data["length"],
        places=data["spots"],
    )
    return 1


def _say(form: forms.Form, error: DomainError) -> None:
    names = {"starts_at": "start", "minutes": "length", "places": "spots"}
    name = error.field if error.field in form.fields else names.get(error.field or "")
    form.add_error(name if name in form.fields else None, message_of(error))


def _week_page(item: str, day: date) -> str:
    return f"{reverse('rewards:slots', args=[item])}?day={day:%Y-%m-%d}"


@allow("admin")
@require_http_methods(["GET", "HEAD", "POST"])
def slot(request: HttpRequest, public_id: str) -> HttpResponse:
    """One slot: its places, and calling it off."""
    case = queries.slot_case(public_id)
    if case is None:
        raise NoSuchSlot
    error: DomainError | None = None
    typed = {name: request.POST.get(name, "")[:80] for name in ("places", "reason")}
    if request.method == "POST":
        try:
            _change(request, public_id, typed)
        except DomainError as refused:
            error = refused
        else:
            return HttpResponseRedirect(_week_page(case.item, case.day), status=303)
    context = {"case": case, "typed": typed, "error": message_of(error) if error else ""}
    return render(request, "rewards/desk/slot.html", context, status=error.status if error else 200)


def _change(request: HttpRequest, public_id: str, typed: dict[str, str]) -> None:
    if request.POST.get("act") == "close":
        services.close_slot(actor=request.actor, slot=public_id, reason=typed["reason"])
        messages.success(request, _("取消了，约了的人已经收到消息，积分全部退回。"))
        return
    places = typed["places"]
    number = int(places) if places.isascii() and places.isdigit() and len(places) < 5 else 0
    services.change_places(actor=request.actor, slot=public_id, places=number)
    messages.success(request, _("名额改好了。"))
