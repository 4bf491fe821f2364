"""Steps that pass a case between units: return, object, refer, decide, helpers, parts, promises. Plain forms, as in desk.py."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from qixia.kernel.errors import DomainError, Invalid, NotFound
from qixia.reports import services
from qixia.reports.access import STAFF_ROLES
from qixia.reports.web.desk import to_case
from qixia.ui.access import allow
from qixia.ui.errors import message_of


def _text(request: HttpRequest) -> str:
    return request.POST.get("text", "")


def _unit(request: HttpRequest) -> str:
    return request.POST.get("unit", "")


def day_of(request: HttpRequest, name: str) -> date:
    """A day as date fields send it. Invalid for anything else."""
    try:
        return date.fromisoformat(request.POST.get(name, "")[:10])
    except ValueError as error:
        raise Invalid("请选一天。", field=name) from error


def _parts(request: HttpRequest) -> list[services.PartAsked]:
    """The filled rows of the form; a row without both unit and words is none."""
    rows = zip(request.POST.getlist("part_unit"), request.POST.getlist("part_words"), strict=False)
    return [services.PartAsked(unit, words) for unit, words in rows if unit or words.strip()]


_STEPS: dict[str, Callable[[HttpRequest, str], object]] = {
    "return": lambda r, i: services.return_report(actor=r.actor, public_id=i, reason=_text(r), to=_unit(r)),
    "object": lambda r, i: services.object_to(actor=r.actor, public_id=i, reason=_text(r)),
    "refer": lambda r, i: services.refer(actor=r.actor, public_id=i, reason=_text(r)),
    "decide": lambda r, i: services.decide(actor=r.actor, public_id=i, unit_code=_unit(r), reason=_text(r)),
    "ask_help": lambda r, i: services.ask_help(actor=r.actor, public_id=i, unit_code=_unit(r), words=_text(r)),
    "help": lambda r, i: services.add_help(
        actor=r.actor, public_id=i, text=_text(r), done=False, photos=r.FILES.getlist("photos")
    ),
    "help_done": lambda r, i: services.add_help(
        actor=r.actor, public_id=i, text=_text(r), done=True, photos=r.FILES.getlist("photos")
    ),
    "waive_help": lambda r, i: services.waive_help(actor=r.actor, public_id=i, unit_code=_unit(r), reason=_text(r)),
    "promise": lambda r, i: services.promise(actor=r.actor, public_id=i, day=day_of(r, "day"), text=_text(r)),
    "split": lambda r, i: services.split(actor=r.actor, public_id=i, parts=_parts(r), text=_text(r)),
}
NAMES = tuple(_STEPS)


@require_POST
@allow(*STAFF_ROLES)
def way(request: HttpRequest, public_id: str, name: str) -> HttpResponse:
    """Take one of these steps, then go back to where the reader was."""
    if name not in _STEPS:
        raise NotFound
    try:
        _STEPS[name](request, public_id)
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        messages.error(request, message_of(refusal))
    else:
        messages.success(request, _("办好了。"))
    return to_case(request, public_id)
