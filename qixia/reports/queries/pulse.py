"""How many reports are where, for those who keep the installation running. Counts only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count

from qixia.reports import states
from qixia.reports.models import Report

UNANSWERED_AFTER = timedelta(hours=24)
# Those in which somebody of the city still owes the reporter a first answer.
_OWED = tuple(state for state in states.OPEN if state not in ("resolved", "confirming"))


@dataclass(frozen=True, slots=True)
class Pulse:
    """`states` has every state, also with 0; `unanswered` are reports that wait for a first answer for 24 hours."""

    states: dict[str, int]
    unanswered: int


def pulse(now: datetime) -> Pulse:
    counted = dict(Report.objects.filter(part_of=None).order_by().values_list("state").annotate(n=Count("pk")))
    late = Report.objects.filter(
        part_of=None, state__in=_OWED, answered_at=None, reopened=0, received_at__lt=now - UNANSWERED_AFTER
    ).count()
    return Pulse({state: counted.get(state, 0) for state in states.STATES}, late)
