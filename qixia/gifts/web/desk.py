"""The desk of gifts: campaigns, stock by place, entrants, the draw in steps, hand-overs, donors, places."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from qixia.gifts import access, queries, services, states
from qixia.gifts.web.forms import AgainFields, CampaignFields, DonationFields, PlaceFields, PromiseFields
from qixia.gifts.web.shared import moment, number, tried
from qixia.kernel import clock
from qixia.kernel.errors import DomainError, Invalid
from qixia.kernel.ids import new_public_id
from qixia.ui.access import allow
from qixia.ui.errors import message_of

_READ_WRITE = ["GET", "HEAD", "POST"]
_AS_KEPT = (
    "title",
    "kind",
    "way",
    "what",
    "platforms",
    "reach",
    "joined_since",
    "starts_at",
    "ends_at",
    "collect_until",
)


@require_safe
@allow(*access.DESK)
def campaigns(request: HttpRequest) -> HttpResponse:
    context = {
        "page": queries.campaigns(request.actor, request.GET.get("after", "")),
        "may_lead": request.actor.has(*access.ORGANISERS),
    }
    return render(request, "gifts/desk/campaigns.html", context)


@require_http_methods(_READ_WRITE)
@allow(*access.ORGANISERS)
def edit(request: HttpRequest, public_id: str = "") -> HttpResponse:
    """A new campaign, or a draft anew."""
    row = access.seen(request.actor, public_id) if public_id else None
    initial = {}
    if row is not None:
        initial = {name: getattr(row, name) for name in _AS_KEPT} | {"division": row.division.code}
    form = CampaignFields(request.POST or None, initial=initial, places=queries.organisers_places(request.actor))
    made = []
    if request.method == "POST" and tried(
        form,
        lambda: made.append(
            services.draft_campaign(actor=request.actor, form=form.as_form(), campaign=public_id).public_id
        ),
    ):
        messages.success(request, _("记好了。接着记捐赠和收到的份数，再开放报名。"))
        return _to("case", made[0])
    status = 422 if request.method == "POST" else 200
    return render(request, "gifts/desk/edit.html", {"form": form, "row": row}, status=status)


@require_safe
@allow(*access.DESK)
def case(request: HttpRequest, public_id: str) -> HttpResponse:
    return _case(request, public_id)


@require_POST
@allow(*access.DESK)
def do(request: HttpRequest, public_id: str) -> HttpResponse:
    """What the button says: open, close, value, confirm, again, end, need."""
    actor, post = request.actor, request.POST
    about: dict[str, Any] = {"actor": actor, "campaign": public_id}
    if "source_at" in post:
        about["numbers"] = number(request, "numbers") if post.get("numbers") else 7
    source = post.get("source", "")[:400]
    drawn = {"actor": actor, "draw": post.get("draw", "")[:26], "value": post.get("value", "")[:400]}
    acts: dict[str, Callable[[], object]] = {
        "open": lambda: services.open_campaign(
            **about, source=source, source_at=moment(request, "source_at") if "source_at" in post else None
        ),
        "anew": lambda: services.promise_anew(
            **about,
            source=source,
            source_at=moment(request, "source_at"),
            collect_until=moment(request, "collect_until"),
            reason=post.get("reason", "")[:400],
        ),
        "close": lambda: services.close_entries(**about),
        "value": lambda: services.enter_value(**drawn),
        "confirm": lambda: services.confirm_value(**drawn),
        "again": lambda: services.draw_again(
            **about,
            source=source,
            source_at=moment(request, "source_at"),
            collect_until=moment(request, "collect_until"),
        ),
        "end": lambda: services.end_campaign(**about),
    }
    act = acts.get(post.get("act", ""), _unknown)
    try:
        act()
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        return _case(request, public_id, refusal)
    messages.success(request, _("办好了。"))
    return _to("case", public_id)


@require_http_methods(_READ_WRITE)
@allow(*access.ORGANISERS)
def donation(request: HttpRequest, public_id: str) -> HttpResponse:
    row = access.seen(request.actor, public_id)
    form = DonationFields(request.POST or None)
    if request.method == "POST" and tried(form, lambda: _donate(request, form, public_id)):
        messages.success(request, _("记好了。货到了再记收到多少份。"))
        return _to("case", public_id)
    status = 422 if request.method == "POST" else 200
    return render(request, "gifts/desk/donation.html", {"form": form, "row": row}, status=status)


@require_http_methods(_READ_WRITE)
@allow(*access.DESK)
def stock(request: HttpRequest, public_id: str) -> HttpResponse:
    """Shelves and moves; on POST: receive, move, broken or returned."""
    error: DomainError | None = None
    if request.method == "POST":
        try:
            _stock_act(request)
            messages.success(request, _("记好了。"))
            return _to("stock", public_id)
        except DomainError as refusal:
            if refusal.status in (401, 403):
                raise
            error = refusal
    row, shelves, moves = queries.stock_of(request.actor, public_id, request.GET.get("after", ""))
    context = {
        "row": row,
        "shelves": shelves,
        "moves": moves,
        "donations": queries.campaign_case(request.actor, public_id).donations,
        "places": [one for one in queries.place_rows(request.actor) if one.is_active],
        "may_lead": request.actor.covers(row.division.path, *access.ORGANISERS) and row.state != states.ENDED,
        "key": new_public_id(),
        "error": message_of(error) if error else "",
        "said": request.POST,
    }
    return render(request, "gifts/desk/stock.html", context, status=error.status if error else 200)


@require_http_methods(_READ_WRITE)
@allow(*access.DESK)
def entrants(request: HttpRequest, public_id: str) -> HttpResponse:
    """Codes; on POST, whether a need holds."""
    error: DomainError | None = None
    if request.method == "POST":
        try:
            services.confirm_need(
                actor=request.actor, code=request.POST.get("code", "")[:12], accept=request.POST.get("yes") == "1"
            )
        except DomainError as refusal:
            if refusal.status in (401, 403):
                raise
            error = refusal
    only = request.GET.get("only", "")
    row, page = queries.entrants(request.actor, public_id, request.GET.get("after", ""), only)
    context = {
        "row": row,
        "page": page,
        "only": only,
        "may_lead": request.actor.covers(row.division.path, *access.ORGANISERS) and row.state == states.OPEN,
        "error": message_of(error) if error else "",
    }
    return render(request, "gifts/desk/entrants.html", context, status=error.status if error else 200)


@require_safe
@allow(*access.DESK)
def handed(request: HttpRequest) -> HttpResponse:
    return _handed(request)


@require_POST
@allow(*access.SUPERVISORS)
def undo(request: HttpRequest, public_id: str) -> HttpResponse:
    try:
        services.undo(actor=request.actor, hand_over=public_id, reason=request.POST.get("reason", "")[:400])
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        return _handed(request, refusal, public_id)
    messages.success(request, _("撤销了，骑手可以再来领。"))
    return _to("handed")


@require_safe
@allow(*access.DESK)
def donors(request: HttpRequest) -> HttpResponse:
    return render(request, "gifts/desk/donors.html", {"page": queries.donors(request.GET.get("after", ""))})


@require_http_methods(_READ_WRITE)
@allow(*access.DESK)
def places(request: HttpRequest) -> HttpResponse:
    return _places(request)


@require_POST
@allow(*access.ORGANISERS)
def helper(request: HttpRequest, public_id: str) -> HttpResponse:
    """Name a volunteer by phone number, or end one."""
    post = request.POST
    try:
        if post.get("end"):
            services.end_helper(actor=request.actor, helper=post["end"][:26])
        else:
            services.add_helper(actor=request.actor, place=public_id, phone=post.get("phone", "")[:20])
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        messages.error(request, message_of(refusal))
        return _to("places")
    messages.success(request, _("办好了。"))
    return _to("places")


def _donate(request: HttpRequest, form: DonationFields, campaign: str) -> None:
    data = form.cleaned_data
    donor = services.register_donor(actor=request.actor, name=data["donor"], thanks=data["thanks"])
    services.record_donation(actor=request.actor, form=form.as_form(donor.public_id, campaign))


def _stock_act(request: HttpRequest) -> None:
    actor, post = request.actor, request.POST
    donation, _dot, place = post.get("from", "").partition(".")
    about = {"actor": actor, "count": number(request), "key": post.get("key", "")[:40]}
    note = post.get("note", "")[:400]
    act = post.get("act", "")
    if act == "receive":
        services.receive(
            **about, donation=post.get("donation", "")[:26], place=post.get("place", "")[:26], note=note[:200]
        )
    elif act == "move":
        services.move(**about, donation=donation[:26], place=place[:26], to=post.get("to", "")[:26], note=note[:200])
    elif act in (states.BROKEN, states.RETURNED):
        services.write_off(**about, donation=donation[:26], place=place[:26], kind=act, note=note)
    else:
        _unknown()


def _places(request: HttpRequest) -> HttpResponse:
    form = PlaceFields(request.POST or None)
    if request.method == "POST" and tried(form, lambda: services.set_place(actor=request.actor, form=form.as_form())):
        messages.success(request, _("发放点建好了。"))
        return _to("places")
    context = {
        "rows": queries.place_rows(request.actor),
        "form": form,
        "may_lead": request.actor.has(*access.ORGANISERS),
        "open": request.method == "POST",
    }
    return render(request, "gifts/desk/places.html", context, status=422 if request.method == "POST" else 200)


def _handed(request: HttpRequest, refusal: DomainError | None = None, wrong: str = "") -> HttpResponse:
    context = {
        "page": queries.handed(request.actor, request.GET.get("after", "")),
        "error": message_of(refusal) if refusal else "",
        "wrong": wrong,
        "said": request.POST,
    }
    return render(request, "gifts/desk/handed.html", context, status=refusal.status if refusal else 200)


def _case(request: HttpRequest, public_id: str, refusal: DomainError | None = None) -> HttpResponse:
    found = queries.campaign_case(request.actor, public_id)
    context = {
        "case": found,
        "promise": PromiseFields(),
        "again": AgainFields(),
        "is_over": found.row.ends_at <= clock.now(),
        "error": message_of(refusal) if refusal else "",
        "wrong": request.POST.get("act", ""),
        "said": request.POST,
    }
    return render(request, "gifts/desk/case.html", context, status=refusal.status if refusal else 200)


def _to(name: str, *args: str) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse(f"gifts:{name}", args=args), status=303)


def _unknown() -> None:
    raise Invalid("没有这样的办法。", field="act")
