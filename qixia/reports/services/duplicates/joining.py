"""What merging needs wherever it is done: by the machine when it settles (seeking.py), or by a clerk (merging.py).

Group    a lead and the reports that are merged into it. A lead is never merged itself, so a group has no chains.
Locks    the rows of a group are locked in the order of their keys; purses come after reports, as everywhere.
Points   what was paid stays. Whoever's report is merged before it earned anything gets what supporting earns, unless the
         same rider is in the group already, or `paid_riders` others are; after an undo, which takes it back, again.
Clocks   a lead keeps the earliest of the group, also when a clerk names its class and the limits are counted anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db.models import Count, F, Q
from django.db.models.functions import Coalesce

from qixia.jobs.registry import declare_event
from qixia.kernel import clock
from qixia.policy.queries import current
from qixia.reports import rules
from qixia.reports.models import MergeRecord, Report, Support
from qixia.reports.sealing import SEALED, index_of, supporter_index
from qixia.reports.services.alarms.ringing import ring
from qixia.reports.services.arriving.suspecting import signs_on_joined
from qixia.reports.services.telling import Tell, clerks_told, reporter_of, unit_told
from qixia.rewards.rules import SUPPORT
from qixia.rewards.services import Award

MERGED = declare_event("reports.merged")
UNMERGED = declare_event("reports.unmerged")
SUPPORTED_ACT = "reports.supported"


@dataclass(frozen=True, slots=True)
class Joined:
    """One report that goes on in a lead; `lead` already stands as `after` says."""

    report: Report
    lead: Report
    state: str  # the report's before
    before: rules.Standing
    after: rules.Standing
    points: int | None  # what the report had earned
    score: float | None = None
    moved: Sequence[int] = ()
    again: bool = False  # it may have been merged before

    @property
    def is_raised(self) -> bool:
        return rules.rank(self.after.severity) > rules.rank(self.before.severity)

    def record(self, *, actor: str, at: datetime) -> MergeRecord:
        return MergeRecord(
            report=self.report,
            lead=self.lead,
            at=at,
            actor=actor,
            score=self.score,
            before={
                "report": {"state": self.state, "points": self.points},
                "lead": self.before.as_text(),
                "moved": list(self.moved),
            },
            after=self.after.as_text(),
        )


def standing_of(report: Report) -> rules.Standing:
    return rules.Standing(
        report.severity, report.rings, report.receive_due, report.answer_due, report.resolve_due
    )  # fmt: skip


def take_standing(report: Report, standing: rules.Standing) -> None:
    """Set the columns on the object in hand."""
    for name, value in standing.columns():
        setattr(report, name, value)


def join(
    report: Report,
    lead: Report,
    *,
    state: str,
    score: float | None = None,
    moved: Sequence[int] = (),
    again: bool = False,
) -> Joined:
    """Let `report` go on in `lead`, on the objects in hand: the caller writes them. The lead is only ever raised."""
    before = standing_of(lead)
    take_standing(lead, before.joined(standing_of(report)))
    return Joined(report, lead, state, before, standing_of(lead), report.points, score, moved, again)


def lock_groups(ids: Collection[int]) -> dict[int, Report]:
    """The reports with these keys and all that are merged into them, locked until the transaction ends."""
    rows = Report.objects.select_for_update(no_key=True, of=("self",)).select_related("community", "unit")
    return {row.pk: row for row in rows.filter(Q(pk__in=ids) | Q(merged_into__in=ids)).order_by("pk")}


def absorbed(one: Joined) -> dict[str, str]:
    """What the lead's history keeps of the merge: which report, and the severity if it is a higher one now. Worded when it
    is read (queries.shared.timeline_item)."""
    raised = {"raised": one.after.severity} if one.is_raised else {}
    return {"report": one.report.public_id, **raised}


def raised_told(one: Joined) -> list[Tell]:
    """A critical one never disappears in a lead that is not: the lead rings as if it had come so."""
    if not one.is_raised:
        return []
    if one.lead.severity == "critical":
        return ring([one.lead], clock.now())
    key = f"raised:{one.report.pk}"
    return [*clerks_told(one.lead, "case.raised", key), *unit_told(one.lead, "case.raised", key)]


# ── points ────────────────────────────────────────────────────────────────────
@dataclass(slots=True)
class Riders:
    """Who is in a group, as keyed indexes, and how many that makes."""

    known: set[str] = field(default_factory=set)
    count: int = 0

    def take(self, person: str) -> bool:
        """Count somebody in; whether that earns points: not twice, not for the own report, not beyond the policy."""
        mine = {index_of(person), supporter_index(person)}
        earns = not self.known & mine and self.count < current("reports.merging").data.paid_riders
        self.known |= mine
        self.count += 1
        return earns


def riders_of(
    leads: Collection[int], *, without_reports: Collection[int] = (), without_supports: Collection[int] = ()
) -> dict[int, Riders]:
    """Lead → who reported or supports it or what is merged into it. Two queries."""
    found: dict[int, Riders] = defaultdict(Riders)
    lead = Coalesce(F("merged_into_id"), F("pk"))
    reports = Report.objects.filter(Q(pk__in=leads) | Q(merged_into__in=leads)).exclude(pk__in=without_reports)
    for lead_id, pk, index in reports.values_list(lead, "pk", "reporter_index"):
        found[lead_id].known |= {index} if index else set()
        found[lead_id].count += pk != lead_id
    lead = Coalesce(F("report__merged_into_id"), F("report_id"))
    supports = Support.objects.filter(Q(report__in=leads) | Q(report__merged_into__in=leads))
    for lead_id, index in supports.exclude(pk__in=without_supports).values_list(lead, "index"):
        found[lead_id].known |= {index} if index else set()
        found[lead_id].count += 1
    return found


def merge_awards(joins: Iterable[Joined]) -> list[tuple[Report, Award]]:
    """What those get whose reports are merged before they earned anything. Anonymous ones get nothing: their points
    are all of one worth, and the same thing sent ten times must not be worth ten times as much."""
    unpaid = [one for one in joins if one.report.secrecy == SEALED and one.points is None]
    if not unpaid:
        return []
    groups = riders_of(
        {one.lead.pk for one in unpaid}, without_reports={one.report.pk for one in unpaid}
    )  # fmt: skip
    undone = _undone([one.report.pk for one in unpaid if one.again])
    found = []
    for one in unpaid:
        person = reporter_of(one.report)
        if groups[one.lead.pk].take(person):
            occasion = f"merge:{undone[one.report.pk]}" if one.report.pk in undone else ""
            award = support_award(one.report, person, f"/r/{one.report.public_id}/", occasion=occasion)
            found.append((one, award))
    signs = signs_on_joined([(one.report, one.lead) for one, _award in found])
    return [(one.report, replace(award, signals=signs.get(one.report.pk, ()))) for one, award in found]


def _undone(reports: Collection[int]) -> dict[int, int]:
    """Report → how many of its merges were undone, for those of which any was."""
    if not reports:
        return {}
    rows = MergeRecord.objects.filter(report__in=reports, undoes__isnull=False).order_by()
    return dict(rows.values_list("report").annotate(n=Count("pk")))


def support_award(
    report: Report,
    person: str,
    link: str,
    *,
    source: str = "",
    place: str | None = None,
    at: datetime | None = None,
    occasion: str = "",
) -> Award:
    """For supporting `report`, or for having reported what was merged. `source`: not the report."""
    params = {"number": report.number, "place": report.place if place is None else place, "link": link}
    source = source or report.ref
    return Award(f"person:{person}", SUPPORT, source, SUPPORTED_ACT, "system:settle", at, params, occasion)
