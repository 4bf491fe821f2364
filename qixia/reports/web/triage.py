"""The triage queue: what the machine was not sure of, one case after the other, made for the keyboard.

Three columns: the queue, the case, what else is near it. Plain links and forms do everything; with htmx only the case
is drawn anew, and after a decision the queue beside it. Thin: every decision is a service's.

Two at once: whoever comes second is told where the case has gone to, and gets the next one. Nothing of his stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from qixia.kernel.errors import DomainError
from qixia.kernel.ids import show_number
from qixia.reports import errors, queries, services
from qixia.reports.access import CLERK_ROLES
from qixia.reports.models import Report
from qixia.reports.queries.duplicates import proposal_for
from qixia.ui.access import allow
from qixia.ui.errors import message_of
from qixia.ui.negotiation import wants_fragment

PAGE = 50


@dataclass(frozen=True, slots=True)
class Said:
    """What became of the case before, told above the next one. `done` is what was sorted here and now."""

    text: str
    done: Report | None = None


@never_cache
@require_safe
@allow(*CLERK_ROLES, "admin")
def queue(request: HttpRequest) -> HttpResponse:
    """The queue with its first case; on a small screen the queue alone."""
    first = queries.next_in_queue(request.actor)
    return _page(request, queries.sort_view(request.actor, first) if first else None, is_list=True)


@never_cache
@require_safe
@allow(*CLERK_ROLES, "admin")
def case(request: HttpRequest, public_id: str) -> HttpResponse:
    """One case of the queue: beside it, or as the fragment that takes the place of the case before.

    Who has just merged or refused a case comes back to it `from` its place in the queue, and goes on from there.
    """
    view = queries.sort_view(request.actor, public_id)
    if view is None:
        left = request.GET.get("from", "")[:60]
        next_id = queries.next_in_queue(request.actor, left, without=public_id)
        return _go_on(request, _left(request, public_id) if left else _gone(request, public_id), next_id)
    if wants_fragment(request):
        return render(request, "reports/triage/_case.html", _context(request, view))
    return _page(request, view)


@require_POST
@allow(*CLERK_ROLES, "admin")
def sort(request: HttpRequest, public_id: str) -> HttpResponse:
    """Take class, severity and unit of one case as the clerk says, and go on to the next."""
    post = request.POST.get
    # Chosen from the list of all classes, a class overrules those that have a key.
    cls = post("other", "") or post("cls", "")
    unit = post("unit", "") or queries.unit_code_for(request.actor, public_id, cls)
    try:
        report = services.sort(
            actor=request.actor,
            public_id=public_id,
            cls=cls,
            severity=post("severity", ""),
            unit_code=unit,
            seen_severity=post("seen", ""),
        )
    except (errors.StepNotAllowed, errors.SomebodyWasFaster) as refusal:
        if queries.sort_view(request.actor, public_id) is not None:  # waits still, more severe than the page showed
            return _go_on(request, Said(message_of(refusal)), public_id)
        said = _gone(request, public_id)
    except DomainError as refusal:
        if refusal.status in (401, 403, 404) or wants_fragment(request):
            raise
        messages.error(request, message_of(refusal))
        return _see(_address(request, public_id))
    else:
        said = _sorted(report)
    return _go_on(request, said, queries.next_in_queue(request.actor, post("key", ""), without=public_id))


def _sorted(report: Report) -> Said:
    if report.state == "resolved":
        return Said(_("%(number)s 分拣好了，等核实。") % {"number": show_number(report.number)}, report)
    unit = report.unit.name if report.unit else ""
    return Said(_("%(number)s 已派给%(unit)s。") % {"number": show_number(report.number), "unit": unit}, report)


def _gone(request: HttpRequest, public_id: str) -> Said:
    state = queries.state_label(request.actor, public_id)
    return Said(_("这一件已经有人分拣了，现在是“%(state)s”。换到下一件。") % {"state": state})


def _left(request: HttpRequest, public_id: str) -> Said:
    return Said(_("刚办的一件现在是“%(state)s”。") % {"state": queries.state_label(request.actor, public_id)})


# ── drawing ───────────────────────────────────────────────────────────────────
def _page(request: HttpRequest, view: queries.SortView | None, *, is_list: bool = False) -> HttpResponse:
    context = _context(request, view) | _beside(request) | {"is_list": is_list or view is None}
    return render(request, "reports/triage/queue.html", context)


def _go_on(request: HttpRequest, said: Said, next_id: str) -> HttpResponse:
    """Say what became of a case and show the next one, or that none waits."""
    if not wants_fragment(request):
        messages.add_message(request, messages.SUCCESS if said.done else messages.WARNING, said.text)
        return _see(_address(request, next_id))
    view = queries.sort_view(request.actor, next_id) if next_id else None
    context = _context(request, view) | _beside(request) | {"said": said}
    answer = render(request, "reports/triage/_next.html", context)
    answer.headers["HX-Push-Url"] = _address(request, view.public_id if view else "")
    return answer


def _context(request: HttpRequest, view: queries.SortView | None) -> dict[str, object]:
    after = _after(request)
    return {
        "view": view,
        "dup": proposal_for(request.actor, view.public_id) if view else None,
        "after": after,
        "query": f"?{urlencode({'after': after})}" if after else "",
        "here": _address(request, view.public_id, **{"from": view.key}) if view else "",
    }


def _beside(request: HttpRequest) -> dict[str, object]:
    """The queue and its figures. Past its end it starts again."""
    after = _after(request)
    rows = queries.queue_page(request.actor, after, PAGE)
    if after and not rows.rows:
        rows = queries.queue_page(request.actor, limit=PAGE)
    return {"queue": rows, "head": queries.queue_head(request.actor)}


def _after(request: HttpRequest) -> str:
    return (request.POST.get("after") or request.GET.get("after", ""))[:60]


def _address(request: HttpRequest, public_id: str, **more: str) -> str:
    path = reverse("reports:triage_case", args=[public_id]) if public_id else reverse("reports:triage")
    after = _after(request)
    asked = ({"after": after} if after else {}) | more
    return f"{path}?{urlencode(asked)}" if asked else path


def _see(address: str) -> HttpResponse:
    return HttpResponseRedirect(address, status=303)
