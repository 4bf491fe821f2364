"""The first page of everybody: a rider's home, 我的, and for staff the way to their console.

Only blocks whose data exist are drawn: no weather, no stations, no tasks before their rooms are built.
"""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from qixia.kernel import clock
from qixia.kernel.errors import DomainError
from qixia.people.rules import STAFF_ROLES
from qixia.people.services import set_display_name
from qixia.reports import queries as reports
from qixia.rewards import queries as rewards
from qixia.ui.access import allow

LATEST = 3
# role → its first page; the first role that fits wins, and a rider is a rider first.
FIRST_PAGE = (
    ("worker", "reports:queue"),
    ("unit_lead", "reports:queue"),
    ("clerk", "reports:triage"),
    ("merchant", "rewards:scan"),
    ("admin", "reports:all"),
    ("data_officer", "privacy:accesses"),
    ("auditor", "privacy:accesses"),
)
# (from the hour on, what one says)
GREETINGS = (
    (0, "夜里好"),
    (5, "早上好"),
    (9, "上午好"),
    (11, "中午好"),
    (13, "下午好"),
    (18, "晚上好"),
    (23, "夜里好"),
)
WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")


@never_cache
@require_safe
@allow("signed-in")
def home(request: HttpRequest) -> HttpResponse:
    actor = request.actor
    if not actor.has("rider"):
        return HttpResponseRedirect(first_page(actor.roles))
    now = clock.now().astimezone(clock.CITY_TZ)
    context = {
        "tab": "home",
        "greeting": greeting(now),
        "name": actor.display_name,
        "weekday": _(WEEKDAYS[now.weekday()]),
        "today": now,
        "purse": rewards.summary_for(actor.ref),
        "counts": reports.own_counts(actor),
        "latest": reports.latest_reports(actor, LATEST),
    }
    return render(request, "site/home.html", context)


@never_cache
@require_safe
@allow("signed-in")
def me(request: HttpRequest) -> HttpResponse:
    actor = request.actor
    is_rider = actor.has("rider")
    context = {
        "tab": "me",
        "is_rider": is_rider,
        "is_staff": bool(actor.roles & STAFF_ROLES),
        "points": rewards.balance(actor.ref) if is_rider else None,
        "first_page": first_page(actor.roles),
    }
    return render(request, "site/me.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
@allow("signed-in")
def name(request: HttpRequest) -> HttpResponse:
    """What the person is called on own pages; nobody else sees it."""
    given, refusal = request.POST.get("display_name", request.actor.display_name), None
    if request.method == "POST":
        try:
            set_display_name(person_id=request.actor.person_id, display_name=given, actor=request.actor.ref)
            return HttpResponseRedirect(reverse("me"), status=303)
        except DomainError as error:
            refusal = error
    context = {"tab": "me", "given": given, "error": _(refusal.message) % refusal.context if refusal else ""}
    return render(request, "site/name.html", context, status=refusal.status if refusal else 200)


def first_page(roles: frozenset[str]) -> str:
    """Where somebody starts who is no rider; 我的 for a person without any role."""
    return reverse(next((name for role, name in FIRST_PAGE if role in roles), "me"))


def greeting(now: datetime) -> str:
    """By the city's clock."""
    return _([words for hour, words in GREETINGS if now.hour >= hour][-1])
