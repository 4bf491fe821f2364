"""What units undertake together: the list with the form that begins one, and the page of one. Plain forms."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from qixia.kernel.errors import DomainError, Invalid, NotFound
from qixia.people.queries import organisations
from qixia.places.queries import sites
from qixia.reports import services
from qixia.reports.access import CLERK_ROLES, STAFF_ROLES, UNIT_ROLES
from qixia.reports.queries import undertakings as queries
from qixia.reports.queries.listing import areas_for
from qixia.reports.web.ways import day_of
from qixia.ui.access import allow
from qixia.ui.errors import message_of

_ROWS = 4
_KINDS = ("unit", "property", "community")


@never_cache
@require_http_methods(["GET", "POST"])
@allow(*STAFF_ROLES)
def index(request: HttpRequest) -> HttpResponse:
    """The reader's undertakings, and the form that begins one."""
    refused, given = "", {}
    if request.method == "POST":
        try:
            made = _start(request)
            return HttpResponseRedirect(reverse("reports:undertaking", args=[made]), status=303)
        except DomainError as refusal:
            if refusal.status == 403:
                raise
            refused, given = message_of(refusal), request.POST.dict()
    lines, after = queries.undertakings(request.actor, request.GET.get("after", ""))
    roles = request.actor.organisation_ids(*UNIT_ROLES)
    context = {
        "lines": lines,
        "after": after,
        "refused": refused,
        "given": given,
        "numbers": given.get("numbers") or request.GET.get("numbers", "")[:400],
        "may_start": bool(roles) or request.actor.has(*CLERK_ROLES, "admin"),
        "units": organisations(*_KINDS),
        "areas": areas_for(request.actor),
        "task_rows": range(_ROWS),
    }
    return render(request, "reports/undertakings/index.html", context, status=422 if refused else 200)


def _start(request: HttpRequest) -> str:
    post = request.POST
    rows = zip(post.getlist("task_unit"), post.getlist("task_what"), post.getlist("task_due"), strict=False)
    tasks = [services.TaskAsked(unit, what, _date(due)) for unit, what, due in rows if unit or what.strip()]
    made = services.start_undertaking(
        actor=request.actor,
        title=post.get("title", ""),
        aim=post.get("aim", ""),
        lead_code=post.get("lead", ""),
        due=day_of(request, "due"),
        tasks=tasks,
        numbers=_numbers(request),
        community=post.get("community", "").strip(),
    )
    return made.public_id


def _numbers(request: HttpRequest) -> list[str]:
    text = request.POST.get("numbers", "")[:6000]
    for mark in ("，", "、", ",", "\n", "\r", "\t"):
        text = text.replace(mark, " ")
    return [part for part in text.split(" ") if part]


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError as error:
        raise Invalid("请给每项任务选一天。", field="tasks") from error


@never_cache
@require_safe
@allow(*STAFF_ROLES)
def page(request: HttpRequest, public_id: str) -> HttpResponse:
    """One undertaking: who does what by when, what it answers, and what came of it."""
    context = {"one": queries.undertaking(request.actor, public_id), "sites": sites()}
    return render(request, "reports/undertakings/page.html", context)


def _link(request: HttpRequest, public_id: str) -> str:
    new = services.link_reports(actor=request.actor, public_id=public_id, numbers=_numbers(request))
    return _("关联了 %(n)d 件。") % {"n": new}


def _task(request: HttpRequest, public_id: str) -> str:
    number = request.POST.get("task", "")
    if not (number.isdigit() and len(number) < 18):
        raise NotFound
    services.finish_task(actor=request.actor, public_id=public_id, task=int(number), text=request.POST.get("text", ""))
    return _("这项任务完成了。")


def _finish(request: HttpRequest, public_id: str) -> str:
    post = request.POST
    quantity = post.get("quantity", "")
    facility = services.Facility(
        quantity=int(quantity) if quantity.isdigit() and len(quantity) < 9 else None,
        measure=post.get("measure", ""),
        site=post.get("site", ""),
        lat=_float(post.get("lat", "")),
        lng=_float(post.get("lng", "")),
    )
    services.finish_undertaking(
        actor=request.actor,
        public_id=public_id,
        result=post.get("result", ""),
        facility=facility,
        photos=request.FILES.getlist("photos"),
    )
    return _("办完了，结果已经告诉每一位报过的人。")


def _drop(request: HttpRequest, public_id: str) -> str:
    services.drop_undertaking(actor=request.actor, public_id=public_id, reason=request.POST.get("result", ""))
    return _("已经结束，缘由告诉了每一位报过的人。")


def _float(text: str) -> float | None:
    try:
        return float(text) if text.strip() else None
    except ValueError as error:
        raise Invalid("这个位置读不懂。", field="lat") from error


_ACTS: dict[str, Callable[[HttpRequest, str], str]] = {"link": _link, "task": _task, "finish": _finish, "drop": _drop}


@require_POST
@allow(*STAFF_ROLES)
def act(request: HttpRequest, public_id: str, name: str) -> HttpResponse:
    """Link reports, end a task, end it all."""
    if name not in _ACTS:
        raise NotFound
    try:
        messages.success(request, _ACTS[name](request, public_id))
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        messages.error(request, message_of(refusal))
    return HttpResponseRedirect(reverse("reports:undertaking", args=[public_id]), status=303)
