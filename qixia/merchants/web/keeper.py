"""The shop's own page: apply, papers, agreement, hours, perks, stars, and why it is suspended.

One address shows everything; each form posts to its own and comes back, with its words and what was wrong with them.
"""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from qixia.kernel.errors import DomainError
from qixia.merchants import queries, services
from qixia.merchants.errors import NoSuchMerchant
from qixia.merchants.web.forms import RENAMED, ApplyForm, HoursForm, PaperForm, PerkFields, PhoneForm, place_of
from qixia.ui.access import allow
from qixia.ui.errors import message_of


@never_cache
@require_safe
@allow("merchant")
def home(request: HttpRequest) -> HttpResponse:
    """The first of the shops that one keeps; several are links to each other."""
    shops = queries.shops_of(request.actor)
    asked = request.GET.get("shop", "")
    chosen = next((one for one in shops if str(one[0]) == asked), shops[0])
    if not chosen[2]:
        return HttpResponseRedirect(f"{reverse('merchants:apply')}?shop={chosen[0]}")
    return _page(request, chosen[2])


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@allow("merchant")
def apply(request: HttpRequest) -> HttpResponse:
    shops = queries.shops_of(request.actor)
    asked = request.POST.get("shop") or request.GET.get("shop", "")
    chosen = next((one for one in shops if str(one[0]) == asked), shops[0])
    if request.method != "POST" and chosen[2] and queries.own_shop(request.actor, chosen[2]).is_open:
        return HttpResponseRedirect(f"{reverse('merchants:own')}?shop={chosen[0]}")
    form = ApplyForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        status = _try(request, form, lambda: _apply(request, chosen[0], form), _("申请交上了，接下来拍证照。"))
        if status == 303:
            return HttpResponseRedirect(f"{reverse('merchants:own')}?shop={chosen[0]}", status=303)
    context = {"form": form, "shop": chosen, "shops": shops, "tab": ""}
    return render(request, "merchants/apply.html", context, status=status)


def _apply(request: HttpRequest, organisation_id: int, form: ApplyForm) -> None:
    data = form.cleaned_data
    place = place_of(form)
    services.apply(
        actor=request.actor,
        organisation_id=organisation_id,
        kind=data["kind"],
        address=data["address"],
        lat=place.lat,
        lng=place.lng,
        opening=data["opening"],
        phone=data["phone"],
    )


@require_POST
@allow("merchant")
def paper(request: HttpRequest, public_id: str) -> HttpResponse:
    form = PaperForm(request.POST, request.FILES)

    def act() -> None:
        services.hand_in_paper(
            actor=request.actor, merchant=public_id, kind=form.cleaned_data["kind"], photo=form.cleaned_data["photo"]
        )

    return _done(request, public_id, form, "paper", act, _("交上了，有人看过会在这里告诉你。"))


@require_POST
@allow("merchant")
def agree(request: HttpRequest, public_id: str) -> HttpResponse:
    version = request.POST.get("version", "")
    number = int(version) if version.isascii() and version.isdigit() and len(version) < 9 else 0
    return _done(
        request,
        public_id,
        None,
        "agree",
        lambda: services.agree(actor=request.actor, merchant=public_id, version=number),
        _("记下了，谢谢。"),
    )


@require_POST
@allow("merchant")
def set_hours(request: HttpRequest, public_id: str) -> HttpResponse:
    form = HoursForm(request.POST)
    return _done(
        request,
        public_id,
        form,
        "hours",
        lambda: services.set_hours(actor=request.actor, merchant=public_id, opening=form.cleaned_data["opening"]),
        _("营业时间改好了。"),
    )


@require_POST
@allow("merchant")
def set_phone(request: HttpRequest, public_id: str) -> HttpResponse:
    form = PhoneForm(request.POST)
    return _done(
        request,
        public_id,
        form,
        "phone",
        lambda: services.set_phone(actor=request.actor, merchant=public_id, phone=form.cleaned_data["phone"]),
        _("电话改好了。"),
    )


@require_POST
@allow("merchant")
def set_perk(request: HttpRequest, public_id: str) -> HttpResponse:
    form = PerkFields(request.POST)
    return _done(
        request,
        public_id,
        form,
        "perk",
        lambda: services.set_perk(actor=request.actor, merchant=public_id, form=form.as_perk()),
        _("优惠放上去了。"),
    )


@require_POST
@allow("merchant")
def end_perk(request: HttpRequest, public_id: str, perk: str) -> HttpResponse:
    act = lambda: services.end_perk(actor=request.actor, perk=perk)  # noqa: E731
    return _done(request, public_id, None, "perk", act, _("停了，骑手不再看到。"))


@require_POST
@allow("merchant")
def leave(request: HttpRequest, public_id: str) -> HttpResponse:
    act = lambda: services.leave(actor=request.actor, merchant=public_id)  # noqa: E731
    return _done(request, public_id, None, "leave", act, _("已经退出。以后想回来，再申请就行。"))


def _done(
    request: HttpRequest, public_id: str, form: Form | None, name: str, act: Callable[[], object], said: str
) -> HttpResponse:
    status = _try(request, form, act, said)
    if status == 303:
        return HttpResponseRedirect(f"{reverse('merchants:own')}?shop={_organisation(request, public_id)}", status=303)
    return _page(request, public_id, {name: form}, status=status)


def _try(request: HttpRequest, form: Form | None, act: Callable[[], object], said: str) -> int:
    """303 when it is done; else the status, with the refusal on the form, or as a message where there is none."""
    if form is not None and not form.is_valid():
        return 422
    try:
        act()
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        if form is None:
            messages.error(request, message_of(refusal))
            return 303
        field = RENAMED.get(refusal.field or "", refusal.field)
        form.add_error(field if field in form.fields else None, message_of(refusal))
        return refusal.status
    messages.success(request, said)
    return 303


def _organisation(request: HttpRequest, public_id: str) -> int:
    found = next((key for key, _name, shop in queries.shops_of(request.actor) if shop == public_id), None)
    if found is None:
        raise NoSuchMerchant
    return found


def _page(
    request: HttpRequest, public_id: str, forms: dict[str, Form | None] | None = None, status: int = 200
) -> HttpResponse:
    view = queries.own_shop(request.actor, public_id)
    wrong = forms or {}
    context = {
        "view": view,
        "shops": queries.shops_of(request.actor),
        "paper_form": wrong.get("paper") or PaperForm(),
        "hours_form": wrong.get("hours") or HoursForm(initial={"opening": view.hours}),
        "phone_form": wrong.get("phone") or PhoneForm(initial={"phone": view.phone}),
        "perk_form": wrong.get("perk") or PerkFields(),
        "wrong": next(iter(wrong), ""),
        "may_hand_in": view.may("hand_in_paper"),
        "tab": "",
    }
    return render(request, "merchants/own.html", context, status=status)
