"""What staff records beyond the fix: measures, how they were taken, praise. Plain forms, as in desk.py."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from qixia.kernel.errors import DomainError, Invalid, NotFound
from qixia.reports import services
from qixia.reports.access import STAFF_ROLES
from qixia.reports.web.desk import to_case
from qixia.reports.web.ways import day_of
from qixia.ui.access import allow
from qixia.ui.errors import message_of

_YUAN = re.compile(r"(\d{1,9})(?:\.(\d{1,2}))?", re.ASCII)


def fen_of(text: str) -> int | None:
    """12.5 → 1250, "" → None. Invalid for anything that is no amount of money."""
    plain = text.strip().replace(",", "")
    if not plain:
        return None
    found = _YUAN.fullmatch(plain)
    if found is None:
        raise Invalid("金额写成元，最多两位小数，比如 500 或 1200.50。", field="amount")
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


def _measure(request: HttpRequest, public_id: str) -> object:
    post = request.POST.get
    return services.take_measure(
        actor=request.actor,
        public_id=public_id,
        kind=post("kind", ""),
        day=day_of(request, "day"),
        document=post("document", ""),
        fen=fen_of(post("amount", "")),
        party=post("party", ""),
        replaces=post("replaces", ""),
    )


def _result(request: HttpRequest, public_id: str) -> object:
    post = request.POST.get
    return services.add_measure_result(
        actor=request.actor,
        public_id=public_id,
        measure=post("measure", ""),
        result=post("result", ""),
        text=post("text", ""),
    )


_ACTS: dict[str, Callable[[HttpRequest, str], object]] = {
    "measure": _measure,
    "measure_result": _result,
    "praise": lambda r, i: services.praise(actor=r.actor, public_id=i, text=r.POST.get("text", "")),
}


@require_POST
@allow(*STAFF_ROLES)
def act(request: HttpRequest, public_id: str, name: str) -> HttpResponse:
    """Record it, then go back to where the reader was."""
    if name not in _ACTS:
        raise NotFound
    try:
        _ACTS[name](request, public_id)
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        messages.error(request, message_of(refusal))
    else:
        messages.success(request, _("记下了。"))
    return to_case(request, public_id)
