"""Who stands in for whom: set by the person, a lead of the unit or an administrator. The service is people's."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from qixia.kernel import clock
from qixia.kernel.errors import DomainError, Invalid
from qixia.people import services as people
from qixia.people.access import Actor
from qixia.people.queries import Member, deputies, staff_of
from qixia.reports.access import STAFF_ROLES
from qixia.ui.access import allow
from qixia.ui.errors import message_of


@never_cache
@require_http_methods(["GET", "POST"])
@allow(*STAFF_ROLES)
def page(request: HttpRequest) -> HttpResponse:
    """Stand-ins of now and later, and the form that sets one."""
    actor: Actor = request.actor
    if request.method == "POST":
        try:
            messages.success(request, _end(request) if "end" in request.POST else _set(request))
        except DomainError as refusal:
            if refusal.status == 403:
                raise
            messages.error(request, message_of(refusal))
        return HttpResponseRedirect(reverse("reports:deputies"), status=303)
    colleagues = _colleagues(actor)
    is_admin = actor.has("admin")
    leads = is_admin or any(grant.role == "unit_lead" and not grant.acting_for for grant in actor.grants)
    context = {
        "lines": deputies(actor.organisation_ids(*STAFF_ROLES), everyone=is_admin, own=actor.person_id),
        "people": colleagues if leads else [one for one in colleagues if one.person_id == actor.person_id],
        "colleagues": colleagues,
        "today": clock.city_date(clock.now()).isoformat(),
        "me": actor.public_id,
    }
    return render(request, "reports/deputies.html", context)


def _colleagues(actor: Actor) -> list[Member]:
    """Everybody of the reader's organisations, each once."""
    found = {one.person_id: one for place in sorted(actor.organisation_ids(*STAFF_ROLES)) for one in staff_of(place)}
    return sorted(found.values(), key=lambda one: one.name)


def _set(request: HttpRequest) -> str:
    starts, ends = _moment(request, "starts"), _moment(request, "ends") + timedelta(days=1)
    people.set_deputy(
        actor=request.actor,
        person=request.POST.get("person", ""),
        deputy=request.POST.get("deputy", ""),
        starts_at=max(starts, clock.now()) if starts.date() == clock.city_date(clock.now()) else starts,
        ends_at=ends,
    )
    return _("代班设好了，通知两个人都会收到。")


def _end(request: HttpRequest) -> str:
    people.end_deputy(actor=request.actor, public_id=request.POST.get("end", ""))
    return _("代班结束了。")


def _moment(request: HttpRequest, name: str) -> datetime:
    """The beginning of a day in the city."""
    try:
        day = date.fromisoformat(request.POST.get(name, "")[:10])
    except ValueError as error:
        raise Invalid("请选一天。", field=name) from error
    return datetime.combine(day, time(), tzinfo=clock.CITY_TZ)
