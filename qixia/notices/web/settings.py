"""/me/notices: which news comes by which way, when it is quiet, where letters go, and which devices ring."""

from __future__ import annotations

from datetime import time

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from qixia.kernel.errors import DomainError, Invalid
from qixia.notices import queries, services
from qixia.notices.push import Address
from qixia.people.access import Actor
from qixia.people.sessions import device_label, device_of
from qixia.ui.access import STAFF_ROLES, allow

ENDPOINT_MAX, KEY_MAX = 1024, 200


def _actor(request: HttpRequest) -> Actor:
    actor: Actor = request.actor
    return actor


@never_cache
@require_http_methods(["GET", "POST"])
@allow("signed-in")
def settings(request: HttpRequest) -> HttpResponse:
    """The page, and its one form of switches and hours."""
    if request.method != "POST":
        return _page(request)
    actor = _actor(request)
    person_id, known = actor.person_id or 0, _settings(request)
    try:
        start, end = _time(request, "quiet_start"), _time(request, "quiet_end")
        wanted: dict[tuple[str, str], bool] = {
            (cell.channel, row.group): f"{cell.channel}.{row.group}" in request.POST
            for row in known.rows
            for cell in row.cells
        }
        if request.POST.get("quiet") == "city":
            start = end = None
        elif start is None or end is None:
            raise Invalid("请填写开始和结束两个时间。", field="quiet_start")
        services.choose(person_id=person_id, wanted=wanted, actor=actor.ref)
        services.set_quiet_hours(person_id=person_id, start=start, end=end, actor=actor.ref)
    except DomainError as refusal:
        return _page(request, refusal)
    return _back()


@require_POST
@allow("signed-in")
def add_device(request: HttpRequest) -> HttpResponse:
    """This browser wants pushes; a script has filled the form."""
    actor, given = _actor(request), request.POST
    address = Address(
        given.get("endpoint", "")[:ENDPOINT_MAX], given.get("p256dh", "")[:KEY_MAX], given.get("auth", "")[:KEY_MAX]
    )
    try:
        services.add_device(
            person_id=actor.person_id or 0,
            address=address,
            key=given.get("key", "")[:KEY_MAX],
            device=device_of(request),
            label=device_label(request.headers.get("User-Agent", "")),
            actor=actor.ref,
        )
    except DomainError as refusal:
        return _page(request, refusal)
    return _back()


@require_POST
@allow("signed-in")
def remove_device(request: HttpRequest) -> HttpResponse:
    """One of the listed devices, or this browser by its address."""
    actor = _actor(request)
    person_id = actor.person_id or 0
    device = request.POST.get("device", "") or queries.device_at(person_id, request.POST.get("endpoint", ""))
    services.remove_device(person_id=person_id, public_id=device[:26], actor=actor.ref)
    return _back()


@require_POST
@allow(*STAFF_ROLES)
def mail(request: HttpRequest) -> HttpResponse:
    """Set, confirm or forget the address for letters."""
    actor, given = _actor(request), request.POST
    person_id = actor.person_id or 0
    try:
        if given.get("act") == "confirm":
            services.confirm_mail(person_id=person_id, token=given.get("token", "")[:400], actor=actor.ref)
        elif given.get("act") == "forget":
            services.forget_mail(person_id=person_id, actor=actor.ref)
        else:
            services.set_mail(person_id=person_id, address=given.get("mail", "").strip()[:200], actor=actor.ref)
    except DomainError as refusal:
        return _page(request, refusal)
    return _back()


def _time(request: HttpRequest, name: str) -> time | None:
    text = request.POST.get(name, "")
    try:
        return time.fromisoformat(text) if text else None
    except ValueError as error:
        raise Invalid("时间读不懂。", field=name) from error


def _settings(request: HttpRequest) -> queries.Settings:
    actor = _actor(request)
    language = get_language() or actor.language
    device = device_of(request)
    return queries.settings_of(actor.person_id or 0, roles=actor.roles, language=language, device=device)


def _back() -> HttpResponse:
    return HttpResponseRedirect(reverse("notices:settings"), status=303)


def _page(request: HttpRequest, refusal: DomainError | None = None) -> HttpResponse:
    actor = _actor(request)
    context = {
        "frame": "ui/console.html" if actor.roles & STAFF_ROLES else "ui/rider.html",
        "tab": "me",
        "settings": _settings(request),
        "key": services.push_key(),
        "confirm": request.GET.get("confirm", "")[:400],
        "error": _(refusal.message) % refusal.context if refusal else "",
        "field": refusal.field if refusal else "",
        "given": request.POST,
    }
    return render(request, "notices/settings.html", context, status=refusal.status if refusal else 200)
