"""Second opinions on reports: which may be asked for, what came, and how they move a clerk's list.

Who      clerks and administrators read them; units, riders and the public do not.
Asked    open reports of the last day with a redacted photo, none of whose photos is still in the making, that no model was
         asked about before. Never anonymous ones: what they hold leaves this installation for nobody. Of sensitive
         matters (rule reports.secrecy) none, unless that rule says so; what only might be one counts as one.
Order    a case that another model calls critical, and on which no person has decided yet, stands behind the critical ones
         and before the rest. It rings nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Case, Exists, IntegerField, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Concat

from qixia.policy.queries import current
from qixia.reports import states
from qixia.reports.models import Report, ReportPhoto
from qixia.reports.sealing import SEALED
from qixia.triage import opinions
from qixia.triage.opinions import OpinionView

ASKED_WITHIN = timedelta(days=1)
_RANKS = {"critical": 0, "high": 2, "normal": 3}
_LAST = 4
_WARNED = 1  # not critical, but another model says so
_ONLY: dict[str, tuple[str, ...]] = {
    "sorting": ("sorting", "returned"),
    "all": tuple(state for state in states.OPEN if state != "received"),
}
_REF = Concat(Value("report:"), OuterRef("public_id"))


@dataclass(frozen=True, slots=True)
class SecondView:
    """What another model said, beside what stands in the report."""

    said: OpinionView
    differs: bool
    warns: bool


def warned() -> Q:
    """Whether another model calls critical what the machine does not, and no person has decided; for `annotate`."""
    return Q(opinions.critical_in(_REF), ~Q(severity="critical"), sorted_by_person=False)


def rank() -> Case:
    """By how bad it is, the worst first; for `annotate` and `order_by`. Equal to `rank_of` of the same row."""
    return Case(
        When(warned(), then=Value(_WARNED)),
        *(When(severity=name, then=Value(place)) for name, place in _RANKS.items()),
        default=Value(_LAST),
        output_field=IntegerField(),
    )


def rank_of(severity: str, *, is_warned: bool) -> int:
    """The rank of one row, in 0–4."""
    return _WARNED if is_warned and severity != "critical" else _RANKS.get(severity, _LAST)


def second_view(report: Report) -> SecondView | None:
    """For the page of one case; None if no model said anything. The caller has looked that a clerk reads it."""
    said = opinions.opinion_for(report.ref)
    if said is None:
        return None
    differs = (said.cls, said.severity) != (report.cls, report.severity)
    is_graver = said.severity == "critical" and report.severity != "critical"
    return SecondView(said, differs, warns=is_graver and not report.sorted_by_person)


def askable(now: datetime) -> QuerySet[Report]:
    """Reports that another model may be asked about now, the worst first."""
    photos = ReportPhoto.objects.filter(report=OuterRef("pk"), role="before")
    rule, secrecy = opinions.rule(), current("reports.secrecy").data
    rows = Report.objects.filter(
        ~Exists(photos.filter(evidence__state="pending")),
        Exists(photos.filter(evidence__state="ready")),
        opinions.unasked_in(_REF, now),
        state__in=_ONLY[rule.only],
        received_at__gt=now - ASKED_WITHIN,
        secrecy=SEALED,
    )
    if not secrecy.second_opinion:
        listed = secrecy.sensitive
        rows = rows.exclude(Q(cls__in=listed) | Q(runner_up__in=listed) | Q(hint__in=listed))
    return rows.annotate(rank=rank()).order_by("rank", "pk")


def ready_photos(report: Report) -> list[str]:
    """Public ids of the photos of how it was that may be seen, in their order."""
    rows = ReportPhoto.objects.filter(report=report, role="before", evidence__state="ready").order_by("id")
    return list(rows.values_list("evidence__public_id", flat=True))
