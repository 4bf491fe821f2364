"""Saving, preferring and dropping a filter of the queue; then back to the list that it came from."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from qixia.kernel.errors import DomainError, NotFound
from qixia.reports import services
from qixia.reports.access import STAFF_ROLES
from qixia.reports.queries.listing import Filter
from qixia.reports.web.desk import back_to
from qixia.ui.access import allow
from qixia.ui.errors import message_of


@require_POST
@allow(*STAFF_ROLES)
def save(request: HttpRequest) -> HttpResponse:
    """Keep the filter that the page shows under a name."""
    try:
        row = services.save_filter(
            actor=request.actor,
            name=request.POST.get("name", ""),
            wanted=Filter.of("queue", QueryDict(request.POST.get("query", "")[:2000]).dict()),
            shared=request.POST.get("shared") == "on",
            default=request.POST.get("default") == "on",
        )
    except DomainError as refusal:
        messages.error(request, message_of(refusal))
        return HttpResponseRedirect(back_to(request), status=303)
    messages.success(request, _("存好了：%(name)s") % {"name": row.name})
    return HttpResponseRedirect(f"{reverse('reports:queue')}?{row.query}", status=303)


@require_POST
@allow(*STAFF_ROLES)
def act(request: HttpRequest, public_id: str, name: str) -> HttpResponse:
    """`prefer`: the queue opens with it; `plain`: no longer; `drop`: forget it."""
    if name == "drop":
        services.drop_filter(actor=request.actor, public_id=public_id)
    elif name in ("prefer", "plain"):
        services.prefer_filter(actor=request.actor, public_id=public_id, default=name == "prefer")
    else:
        raise NotFound
    return HttpResponseRedirect(back_to(request), status=303)
