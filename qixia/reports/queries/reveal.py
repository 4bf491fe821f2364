"""What the data officer sees before deciding to open who reported: enough to know that it is the right report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from qixia.kernel.ids import parse_number
from qixia.people.access import Actor
from qixia.reports import access, states
from qixia.reports.models import Report
from qixia.reports.queries.shared import title_of
from qixia.reports.sealing import ANONYMOUS


@dataclass(frozen=True, slots=True)
class SealedCase:
    """One report without its words, pictures and place."""

    number: str
    title: str
    state_key: str
    state_label: str
    unit: str
    received_at: datetime
    is_anonymous: bool


def sealed_case(actor: Actor, typed: str) -> SealedCase | None:
    """The report with the number that was typed; None if there is none, or for whoever may not open any."""
    number = parse_number(typed)
    if number is None or not actor.has(access.REVEAL_ROLE):
        return None
    report = Report.objects.select_related("unit").filter(number=number).first()
    if report is None:
        return None
    label, _mine, key = states.LABELS[report.state]
    return SealedCase(
        number=report.number,
        title=title_of(report) if report.cls else _("还没定类"),
        state_key=key,
        state_label=_(label),
        unit=report.unit.name if report.unit else "",
        received_at=report.received_at,
        is_anonymous=report.secrecy == ANONYMOUS,
    )
