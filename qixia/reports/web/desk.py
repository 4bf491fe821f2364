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
from django.views.decorators.http import require_http_methods, require_safe

from qixia.codes.queries import class_name, division, families
from qixia.codes.rules import SEVERITY_LABELS
from qixia.kernel.errors import DomainError, NotFound
from qixia.people.queries import organisation_by_code, organisations
from qixia.reports import queries, rules, services, states
from qixia.reports.access import CLERK_ROLES, STAFF_ROLES, UNIT_ROLES
from qixia.reports.queries import filters, listing
from qixia.reports.queries.aftermath import case_aftermath
from qixia.reports.queries.bulk import offered_acts
from qixia.reports.web.aftermath import AFTERMATH_STEPS
from qixia.reports.web.bar import bar_of
from qixia.ui.access import allow
from qixia.ui.errors import message_of
from qixia.ui.negotiation import wants_fragment

PAGE = 50
TITLES = {
    "queue": gettext_lazy("处置队列"),
    "returned": gettext_lazy("待定主办"),
    "checks": gettext_lazy("待核实"),
    "confirming": gettext_lazy("待骑手确认"),
    "all": gettext_lazy("全部上报"),
}


# ── lists ─────────────────────────────────────────────────────────────────────
@never_cache
@require_safe
@allow(*STAFF_ROLES)
def home(request: HttpRequest) -> HttpResponse:
    """The desk by its short address."""
    return HttpResponseRedirect(reverse("reports:queue"))


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
    saved = filters.saved_filters(request.actor) if name == "queue" else []
    default = next((one.query for one in saved if one.is_default), "")
    if default and not request.GET:
        return HttpResponseRedirect(f"{request.path}?{default}")
    wanted = queries.Filter.of(name, request.GET)
    page = queries.case_page(request.actor, wanted, PAGE)
    chosen = request.GET.get("case", "") or (page.items[0].public_id if page.items else "")
    case, aftermath = _chosen(request, chosen), case_aftermath(request.actor, chosen)
    context = {
        "name": name,
        "title": TITLES[name],
        "page": page,
        "wanted": wanted,
        "chips": _chips(request, wanted),
        "saved": _saved(saved, wanted),
        "case": case,
        "aftermath": aftermath,
        "bar": bar_of(case, aftermath),
        "here": _address(request, drop=("case",)),
        "more_url": _address(request, drop=("case",), after=page.next_key) if page.next_key else "",
        "first_url": _address(request, drop=("case", "after")) if wanted.after else "",
        "acts": offered_acts(request.actor),
        **_choices(request, wanted),
    }
    return render(request, "reports/desk/list.html", context)


def _choices(request: HttpRequest, wanted: queries.Filter) -> dict[str, Any]:
    """What the selects of the filter offer, and which parts of it they don't hold."""
    sees_units = request.actor.has(*CLERK_ROLES, "admin")
    selects = ("severity", "cls", "unit", "area", "group")
    return {
        "families": families(),
        "severities": SEVERITY_LABELS.items(),
        "groups": [(key, _(label)) for key, (label, _states) in listing.GROUPS.items()],
        "units": organisations("unit", "property", "community") if sees_units else [],
        "areas": listing.areas_for(request.actor) if sees_units else [],
        "narrowed": _narrowed(request, wanted),
        "query": urlencode(wanted.parts()),
        "kept": [(key, value) for key, value in wanted.parts().items() if key not in selects],
        "parts": wanted.parts(),
        "can_share": bool(request.actor.organisation_ids(*STAFF_ROLES)),
    }


def _chosen(request: HttpRequest, public_id: str) -> queries.CaseView | None:
    if not public_id:
        return None
    try:
        return queries.case(request.actor, public_id)
    except NotFound:
        return None


def _chips(request: HttpRequest, wanted: queries.Filter) -> list[dict[str, Any]]:
    """Filters of one tap, each with its number and the address that switches it."""
    if wanted.list != "queue":
        return []
    n = listing.chip_counts(request.actor)
    chips: list[tuple[str, str, bool, dict[str, str]]] = [
        ("over", _("已超时"), wanted.over == "1", {"over": "1"}),
        ("over3", _("超 3 倍"), wanted.over == "3", {"over": "3"}),
        ("soon", _("临近"), wanted.soon, {"soon": "1"}),
        ("answer", _("快到答复时限"), wanted.answer, {"answer": "1"}),
    ]
    for state in ("dispatched", "working", "reopened"):
        chips.append((state, _(states.LABELS[state].staff), wanted.state == state, {"state": state}))
    if request.actor.has(*UNIT_ROLES):
        chips.append(("mine", _("我承办"), wanted.mine, {"mine": "1"}))
    chips.append(("watched", _("我关注"), wanted.watched, {"watched": "1"}))
    return [
        {
            "key": key,
            "label": label,
            "n": n[key],
            "on": on,
            # A second tap takes it away again.
            "url": _address(request, drop=("case", "after", *part), **({} if on else part)),
        }
        for key, label, on, part in chips
        if n[key] or on or key not in ("over3", "mine", "watched")
    ]


def _narrowed(request: HttpRequest, wanted: queries.Filter) -> list[dict[str, str]]:
    """What the selects narrow to, in words, each with the address without it."""
    said = {
        "q": f"“{wanted.text}”" if wanted.text else "",
        "severity": _(SEVERITY_LABELS[wanted.severity]) if wanted.severity else "",
        "cls": class_name(wanted.cls) if wanted.cls else "",
        "group": _(listing.GROUPS[wanted.group][0]) if wanted.group else "",
        "unit": getattr(organisation_by_code(wanted.unit), "name", wanted.unit) if wanted.unit else "",
        "area": getattr(division(wanted.area), "name", wanted.area) if wanted.area else "",
    }
    return [
        {"label": label, "url": _address(request, drop=(key, "case", "after"))} for key, label in said.items() if label
    ]


def _saved(saved: list[filters.SavedView], wanted: queries.Filter) -> list[dict[str, Any]]:
    """The chips with names: own ones, then those that colleagues share."""
    now = urlencode(wanted.parts())
    return [{"one": one, "on": one.query == now, "url": f"{reverse('reports:queue')}?{one.query}"} for one in saved]


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
    case, aftermath = queries.case(request.actor, public_id), case_aftermath(request.actor, public_id)
    context = {
        "case": case,
        "aftermath": aftermath,
        "bar": bar_of(case, aftermath),
        "here": back_to(request),
        "beside_map": wants_fragment(request),
    }
    name = "_pane.html" if wants_fragment(request) else "case.html"
    return render(request, f"reports/desk/{name}", context)


def back_to(request: HttpRequest) -> str:
    """The list that the reader came from, a path of this site."""
    given = request.POST.get("back") or request.GET.get("back", "")
    return given if given.startswith("/desk/") and "\\" not in given else reverse("reports:queue")


# ── steps ─────────────────────────────────────────────────────────────────────
def _text(request: HttpRequest) -> str:
    return request.POST.get("text", "")


def _ground(request: HttpRequest) -> str:
    return request.POST.get("ground", "") or "other"


_STEPS: dict[str, Callable[[HttpRequest, str], object]] = {
    "accept": lambda r, i: services.accept(actor=r.actor, public_id=i),
    "assign": lambda r, i: services.assign(actor=r.actor, public_id=i, person_public_id=r.POST.get("person", "")),
    "answer": lambda r, i: services.answer(actor=r.actor, public_id=i, text=_text(r)),
    "arrive": lambda r, i: services.arrive(actor=r.actor, public_id=i, text=_text(r), photos=r.FILES.getlist("photos")),
    "resolve": lambda r, i: services.resolve(
        actor=r.actor, public_id=i, text=_text(r), photos=r.FILES.getlist("photos")
    ),
    "redirect": lambda r, i: services.redirect(
        actor=r.actor, public_id=i, unit_code=r.POST.get("unit", ""), reason=_text(r)
    ),
    "verify": lambda r, i: services.verify(actor=r.actor, public_id=i, text=_text(r)),
    "verify_handled": lambda r, i: services.verify(actor=r.actor, public_id=i, text=_text(r)),
    "send_back": lambda r, i: services.send_back(actor=r.actor, public_id=i, text=_text(r)),
    "validate": lambda r, i: services.validate(actor=r.actor, public_id=i, text=_text(r), ground=_ground(r)),
    "reject": lambda r, i: services.reject(actor=r.actor, public_id=i, reason=_text(r), ground=_ground(r)),
    **AFTERMATH_STEPS,
}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@allow(*UNIT_ROLES, *CLERK_ROLES, "admin")
def step(request: HttpRequest, public_id: str, name: str) -> HttpResponse:
    """Take one step on a case, then go back to where the reader was. GET: the form on a page of its own."""
    if name not in _STEPS:
        raise NotFound
    if request.method != "POST":
        return _step_page(request, public_id, name)
    try:
        _STEPS[name](request, public_id)
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        messages.error(request, message_of(refusal))
    return to_case(request, public_id)


def _step_page(request: HttpRequest, public_id: str, name: str) -> HttpResponse:
    """For browsers without scripts, which open no dialog; a chosen standard text stands in the field."""
    case = queries.case(request.actor, public_id)
    if name not in case.steps:
        raise NotFound
    chosen = request.GET.get("wording_key", "")
    texts = {one.key: one.text for one in case.wordings.get(name, [])}
    text = texts.get(chosen, request.GET.get("text", "")[: rules.NOTE_MAX])
    context = {"case": case, "step": name, "given_text": text, "here": back_to(request)}
    return render(request, "reports/desk/step.html", context)


def to_case(request: HttpRequest, public_id: str) -> HttpResponse:
    """After an act on a case: the list with it chosen, its own page, or the next one."""
    back = back_to(request)
    if "next" in request.POST or _chosen(request, public_id) is None:
        return HttpResponseRedirect(back, status=303)  # on to the next one
    if "alone" in request.POST:
        return HttpResponseRedirect(
            f"{reverse('reports:case', args=[public_id])}?{urlencode({'back': back})}", status=303
        )
    mark = "&" if "?" in back else "?"
    return HttpResponseRedirect(f"{back}{mark}case={public_id}", status=303)
