"""The desk of friendly merchants: who waits, papers to look at, decisions, alliances."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from qixia.kernel.errors import DomainError, Invalid
from qixia.merchants import access, queries, services
from qixia.merchants.web.forms import RENAMED, OpenForm, place_of
from qixia.ui.access import allow
from qixia.ui.errors import message_of

TABS = [
    ("waiting", gettext_lazy("等着办")),
    ("active", gettext_lazy("友好商家")),
    ("suspended", gettext_lazy("暂停中")),
    ("gone", gettext_lazy("没有通过或退出")),
]


@require_safe
@allow(*access.JUDGES)
def queue(request: HttpRequest) -> HttpResponse:
    tab = request.GET.get("tab", "")
    tab = tab if tab in queries.TABS else "waiting"
    context = {
        "page": queries.queue(request.actor, tab, request.GET.get("after", "")),
        "tabs": TABS,
        "here": tab,
        "ending": queries.ending_papers(request.actor),
    }
    return render(request, "merchants/desk/queue.html", context)


@require_safe
@allow(*access.JUDGES)
def case(request: HttpRequest, public_id: str) -> HttpResponse:
    return _case(request, public_id)


@require_POST
@allow(*access.JUDGES)
def decide(request: HttpRequest, public_id: str) -> HttpResponse:
    """What the button says: admit, refuse, suspend, resume, leave, join, add_keeper, remove_keeper."""
    actor, post = request.actor, request.POST
    about = {"actor": actor, "merchant": public_id}
    reason = post.get("reason", "")[:400]
    acts: dict[str, Callable[[], object]] = {
        "admit": lambda: services.admit(**about),
        "refuse": lambda: services.refuse(**about, reason=reason),
        "suspend": lambda: services.suspend(**about, reason=reason, until=_day(post.get("until", ""), "until")),
        "resume": lambda: services.resume(**about),
        "leave": lambda: services.leave(**about),
        "add_keeper": lambda: services.add_keeper(
            **about, keeper=post.get("keeper", "")[:40], keeper_phone=post.get("keeper_phone", "")[:40]
        ),
        "remove_keeper": lambda: services.remove_keeper(**about, keeper=post.get("keeper", "")[:26]),
        "join": lambda: services.join_alliance(**about, alliance=post.get("alliance", "")[:26]),
    }
    act = acts.get(post.get("act", ""))
    return _after(request, public_id, act if act is not None else _unknown)


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*access.JUDGES)
def new(request: HttpRequest) -> HttpResponse:
    """A shop whose keeper has no account: the office writes it down."""
    form = OpenForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                place = place_of(form)
                row = services.open_shop(actor=request.actor, said=form.as_shop(place.lat, place.lng))
                messages.success(request, _("建好了。请店主用手机号登录，拍证照、同意约定。"))
                return HttpResponseRedirect(reverse("merchants:case", args=[row.public_id]), status=303)
            except DomainError as refusal:
                if refusal.status == 401:
                    raise
                status = refusal.status
                field = RENAMED.get(refusal.field or "", refusal.field)
                form.add_error(field if field in form.fields else None, message_of(refusal))
    return render(request, "merchants/desk/new.html", {"form": form}, status=status)


@require_POST
@allow(*access.JUDGES)
def check(request: HttpRequest, public_id: str, paper: str) -> HttpResponse:
    post = request.POST
    return _after(
        request,
        public_id,
        lambda: services.check_paper(
            actor=request.actor,
            paper=paper,
            accept=post.get("verdict") == "accept",
            reason=post.get("reason", "")[:400],
            valid_until=_day(post.get("valid_until", ""), "valid_until"),
        ),
        wrong=paper,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*access.JUDGES)
def alliances(request: HttpRequest) -> HttpResponse:
    """Alliances with their numbers; on POST, found one."""
    error: DomainError | None = None
    if request.method == "POST":
        try:
            services.found_alliance(
                actor=request.actor,
                division=request.POST.get("division", "")[:24],
                name=request.POST.get("name", "")[:80],
                since=_day(request.POST.get("since", ""), "since"),
            )
            messages.success(request, _("联盟建好了，到每家店的页面里加入。"))
            return HttpResponseRedirect(reverse("merchants:alliances"), status=303)
        except DomainError as refusal:
            if refusal.status in (401, 403):
                raise
            error = refusal
    context = {
        "lines": queries.alliances(request.actor),
        "places": queries.places_to_found(request.actor),
        "error": message_of(error) if error else "",
        "said": request.POST,
    }
    return render(request, "merchants/desk/alliances.html", context, status=error.status if error else 200)


def _after(request: HttpRequest, public_id: str, act: Callable[[], object], wrong: str = "") -> HttpResponse:
    try:
        act()
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        return _case(request, public_id, refusal, wrong or request.POST.get("act", ""))
    messages.success(request, _("办好了。"))
    return HttpResponseRedirect(reverse("merchants:case", args=[public_id]), status=303)


def _case(request: HttpRequest, public_id: str, refusal: DomainError | None = None, wrong: str = "") -> HttpResponse:
    context = {
        "case": queries.case(request.actor, public_id),
        "error": message_of(refusal) if refusal else "",
        "wrong": wrong,
        "said": request.POST,
    }
    return render(request, "merchants/desk/case.html", context, status=refusal.status if refusal else 200)


def _unknown() -> None:
    raise Invalid("没有这样的办法。", field="act")


def _day(text: str, field: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Invalid("日期写成 2026-12-31 这样。", field=field) from error
