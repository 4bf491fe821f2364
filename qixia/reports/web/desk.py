"""The staff's pages: queue, what came back, checks, one case, and the steps on it. Thin: every decision is a service's.

Filters stand in the address, so a list can be sent to a colleague. Each step is a plain form; with htmx the pane alone
is drawn anew. A step that somebody else has taken meanwhile is refused with a sentence, and the pane shows the news.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from qixia.codes.queries import families
from qixia.codes.rules import SEVERITY_LABELS
from qixia.kernel.errors import DomainError, NotFound
from qixia.reports import queries, services, states
from qixia.reports.access import CLERK_ROLES, STAFF_ROLES, UNIT_ROLES
from qixia.ui.access import allow
from qixia.ui.errors import message_of
from qixia.ui.negotiation import wants_fragment

PAGE = 50
TITLES = {
    "queue": gettext_lazy("处置队列"),
    "returned": gettext_lazy("退回待改派"),
    "checks": gettext_lazy("待核实"),
    "confirming": gettext_lazy("待骑手确认"),
    "all": gettext_lazy("全部上报"),
}


# ── lists ─────────────────────────────────────────────────────────────────────
@never_cache
@require_safe
@allow(*STAFF_ROLES)
def queue(request: HttpRequest) -> HttpResponse:
    """What the unit has on its desk, the shortest time left first."""
    return _list(request, "queue")


@never_cache
@require_safe
@allow(*CLERK_ROLES, "admin")
def checks(request: HttpRequest) -> HttpResponse:
    """What units call done and somebody must look at."""
    return _list(request, "checks")


@never_cache
@require_safe
@allow(*CLERK_ROLES, "admin")
def returned(request: HttpRequest) -> HttpResponse:
    """What units sent back, for another unit to be named."""
    return _list(request, "returned")


@never_cache
@require_safe
@allow(*STAFF_ROLES)
def everything(request: HttpRequest) -> HttpResponse:
    """All that the reader may see, latest first."""
    return _list(request, "all")


def _list(request: HttpRequest, name: str) -> HttpResponse:
    wanted = _filter(request, name)
    page = queries.case_page(request.actor, wanted, PAGE)
    chosen = request.GET.get("case", "") or (page.items[0].public_id if page.items else "")
    context = {
        "name": name,
        "title": TITLES[name],
        "page": page,
        "wanted": wanted,
        "counts": queries.list_counts(request.actor),
        "chips": _chips(request, wanted),
        "case": _chosen(request, chosen),
        "here": _address(request, drop=("case",)),
        "more_url": _address(request, drop=("case",), after=page.next_key) if page.next_key else "",
        "families": families(),
        "severities": SEVERITY_LABELS.items(),
    }
    return render(request, "reports/desk/list.html", context)


def _chosen(request: HttpRequest, public_id: str) -> queries.CaseView | None:
    if not public_id:
        return None
    try:
        return queries.case(request.actor, public_id)
    except NotFound:
        return None


def _filter(request: HttpRequest, name: str) -> queries.Filter:
    get = request.GET.get
    return queries.Filter(
        list=name,
        severity=get("severity", ""),
        cls=get("cls", ""),
        state=get("state", ""),
        over=get("over") == "1",
        text=get("q", "").strip(),
        after=get("after", ""),
    )


def _chips(request: HttpRequest, wanted: queries.Filter) -> list[dict[str, Any]]:
    """Filters of one tap, each with the address that switches it."""
    if wanted.list != "queue":
        return []
    chips: list[tuple[str, str, bool, dict[str, str]]] = [("", _("全部"), not wanted.over and not wanted.state, {})]
    chips.append(("over", _("已超时"), wanted.over, {"over": "1"}))
    for state in ("dispatched", "working", "reopened"):
        chips.append((state, _(states.LABELS[state].staff), wanted.state == state, {"state": state}))
    drop = ("case", "after", "over", "state")
    return [
        {"key": k, "label": label, "on": on, "url": _address(request, drop=drop, **extra)}
        for k, label, on, extra in chips
    ]


def _address(request: HttpRequest, drop: tuple[str, ...] = (), **extra: str) -> str:
    kept = {name: value for name, value in request.GET.items() if name not in drop and value}
    query = urlencode({**kept, **extra})
    return f"{request.path}?{query}" if query else request.path


# ── one case ──────────────────────────────────────────────────────────────────
@never_cache
@require_safe
@allow(*STAFF_ROLES)
def case(request: HttpRequest, public_id: str) -> HttpResponse:
    """One case by itself, or as the pane of a list."""
    return _case(request, public_id)


def _case(request: HttpRequest, public_id: str) -> HttpResponse:
    context = {
        "case": queries.case(request.actor, public_id),
        "here": _back(request),
        "beside_map": wants_fragment(request),
    }
    name = "_pane.html" if wants_fragment(request) else "case.html"
    return render(request, f"reports/desk/{name}", context)


def _back(request: HttpRequest) -> str:
    """The list that the reader came from, a path of this site."""
    given = request.POST.get("back") or request.GET.get("back", "")
    return given if given.startswith("/desk/") and "\\" not in given else reverse("reports:queue")


# ── steps ─────────────────────────────────────────────────────────────────────
def _text(request: HttpRequest) -> str:
    return request.POST.get("text", "")


_STEPS: dict[str, Callable[[HttpRequest, str], object]] = {
    "accept": lambda r, i: services.accept(actor=r.actor, public_id=i),
    "assign": lambda r, i: services.assign(actor=r.actor, public_id=i, person_public_id=r.POST.get("person", "")),
    "answer": lambda r, i: services.answer(actor=r.actor, public_id=i, text=_text(r)),
    "arrive": lambda r, i: services.arrive(actor=r.actor, public_id=i, text=_text(r), photos=r.FILES.getlist("photos")),
    "resolve": lambda r, i: services.resolve(
        actor=r.actor, public_id=i, text=_text(r), photos=r.FILES.getlist("photos")
    ),
    "return": lambda r, i: services.return_report(
        actor=r.actor, public_id=i, reason=_text(r), should_act=r.POST.get("should_act", "")
    ),
    "redirect": lambda r, i: services.redirect(
        actor=r.actor, public_id=i, unit_code=r.POST.get("unit", ""), reason=_text(r)
    ),
    "verify": lambda r, i: services.verify(actor=r.actor, public_id=i, text=_text(r)),
    "verify_handled": lambda r, i: services.verify(actor=r.actor, public_id=i, text=_text(r)),
    "send_back": lambda r, i: services.send_back(actor=r.actor, public_id=i, text=_text(r)),
    "validate": lambda r, i: services.validate(actor=r.actor, public_id=i, text=_text(r)),
    "reject": lambda r, i: services.reject(actor=r.actor, public_id=i, reason=_text(r)),
}


@require_POST
@allow(*UNIT_ROLES, *CLERK_ROLES, "admin")
def step(request: HttpRequest, public_id: str, name: str) -> HttpResponse:
    """Take one step on a case, then go back to where the reader was."""
    if name not in _STEPS:
        raise NotFound
    try:
        _STEPS[name](request, public_id)
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        messages.error(request, message_of(refusal))
    back = _back(request)
    if "next" in request.POST or _chosen(request, public_id) is None:
        return HttpResponseRedirect(back, status=303)  # on to the next one
    mark = "&" if "?" in back else "?"
    return HttpResponseRedirect(f"{back}{mark}case={public_id}", status=303)
