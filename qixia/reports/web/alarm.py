"""The alarm page: what rings, with a sound; who was called; two buttons. It stays open all day, so it asks often and
cheaply: the cards have a mark (ETag), and as long as it is the same the answer is 304 and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from qixia.kernel import clock
from qixia.kernel.errors import DomainError, Invalid
from qixia.kernel.ids import show_number
from qixia.reports import services
from qixia.reports.access import STAFF_ROLES
from qixia.reports.models import Report
from qixia.reports.queries.alarms import alarm_cards, stamp_of
from qixia.ui.access import allow
from qixia.ui.errors import message_of
from qixia.ui.negotiation import wants_fragment

EVERY_S = 5  # how often an open page asks


@dataclass(frozen=True, slots=True)
class Said:
    """What became of the act, above the cards."""

    text: str
    good: bool

    @property
    def stamp(self) -> str:
        return self.text


@never_cache
@require_safe
@allow(*STAFF_ROLES)
def page(request: HttpRequest) -> HttpResponse:
    """The page with all cards."""
    context = _cards(request) | {"every": EVERY_S, "now": clock.now(), "tag": _tag(request)}
    return render(request, "reports/alarm/page.html", context)


@never_cache
@require_safe
@allow(*STAFF_ROLES)
def cards(request: HttpRequest) -> HttpResponse:
    """The cards alone, or 304 while nothing is new."""
    tag = _tag(request)
    if request.headers.get("If-None-Match") == tag:
        answer = HttpResponse(status=304)
    else:
        answer = render(request, "reports/alarm/_cards.html", _cards(request))
    answer.headers["ETag"] = tag
    return answer


@require_POST
@allow(*STAFF_ROLES)
def acknowledge(request: HttpRequest, public_id: str) -> HttpResponse:
    """我来处理."""

    def act() -> str:
        report = services.acknowledge_alarm(actor=request.actor, public_id=public_id)
        return _("%(number)s 由你处理。别人不会再被叫。") % {"number": _number(report)}

    return _acted(request, act)


@require_POST
@allow(*STAFF_ROLES)
def transfer(request: HttpRequest, public_id: str) -> HttpResponse:
    """已转 110, 119 …"""
    phone = request.POST.get("phone", "")[:12]

    def act() -> str:
        report = services.transfer_alarm(
            actor=request.actor,
            public_id=public_id,
            phone=phone,
            at=_moment(request.POST.get("at", "")),
            reference=request.POST.get("reference", ""),
        )
        return _("%(number)s 已记下：转 %(phone)s。") % {"number": _number(report), "phone": phone}

    return _acted(request, act)


def _acted(request: HttpRequest, act: Callable[[], str]) -> HttpResponse:
    try:
        said = Said(act(), good=True)
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        said = Said(message_of(refusal), good=False)
    if wants_fragment(request):
        answer = render(request, "reports/alarm/_cards.html", _cards(request) | {"said": said})
        answer.headers["ETag"] = _tag(request)
        return answer
    messages.add_message(request, messages.SUCCESS if said.good else messages.WARNING, said.text)
    return HttpResponseRedirect(reverse("reports:alarm"), status=303)


def _cards(request: HttpRequest) -> dict[str, object]:
    found = alarm_cards(request.actor)
    return {
        "cards": found,
        "rings": any(card.rings for card in found),
        "now_text": f"{clock.city_time(clock.now()):%H:%M}",
    }


def _tag(request: HttpRequest) -> str:
    return f'"{stamp_of(request.actor)}-{get_language()}"'


def _moment(text: str) -> datetime | None:
    """A time of day in the city, today or, if it is not yet that late, yesterday."""
    if not text:
        return None
    try:
        given = datetime.strptime(text[:5], "%H:%M").time()  # noqa: DTZ007 — the city's, below
    except ValueError:
        raise Invalid("通话时间要写成“几点:几分”。", field="at") from None
    now = clock.city_time(clock.now())
    moment = datetime.combine(now.date(), given, tzinfo=clock.CITY_TZ)
    return moment if moment <= now + timedelta(minutes=1) else moment - timedelta(days=1)


def _number(report: Report) -> str:
    return show_number(report.number)
