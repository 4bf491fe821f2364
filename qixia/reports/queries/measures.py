"""Measures and praise: for the staff of a case, for a month's figures, and how often a rider was praised."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from django.db.models import Count, QuerySet, Sum
from django.utils.translation import gettext as _

from qixia.kernel.keys import keys
from qixia.people.access import Actor
from qixia.policy.queries import current
from qixia.reports import access
from qixia.reports.models import Measure, Praise, Report, ReportStep
from qixia.reports.policy import MeasureKind
from qixia.reports.queries.shared import measure_title
from qixia.reports.sealing import NONE

# Steps that reports/case/measures_acts.html and measures.html draw.
ACTS = ("measure", "measure_result", "praise")
RESULTS = {"complied": "已履行", "pending": "履行中", "objected": "有异议"}


@dataclass(frozen=True, slots=True)
class MeasureView:
    """`party` is "" for whoever helps: it is for the unit of the case, and for the clerks and supervisors of the place."""

    public_id: str
    kind: str
    title: str
    day: date
    unit: str
    document: str
    yuan: str
    party: str
    result: str
    is_corrected: bool


@dataclass(frozen=True, slots=True)
class KindOffered:
    key: str
    title: str
    asks: str  # what has to be given with it, in words; "" is nothing


@dataclass(frozen=True, slots=True)
class MeasuresView:
    items: list[MeasureView] = field(default_factory=list)
    acts: list[str] = field(default_factory=list)  # for the bar
    kinds: list[KindOffered] = field(default_factory=list)
    results: dict[str, str] = field(default_factory=dict)  # what may be added to a measure; {} if the reader may not
    praised_by: list[str] = field(default_factory=list)

    @property
    def is_any(self) -> bool:
        return bool(self.items or self.praised_by)


@dataclass(frozen=True, slots=True)
class MeasureCount:
    title: str
    count: int
    yuan: str


def case_measures(
    actor: Actor, report: Report, history: Sequence[ReportStep], steps: Collection[str], parties: Collection[str]
) -> MeasuresView:
    """Of one case. Costs nothing where nothing was taken and nobody praised."""
    taken = {step.step for step in history}
    acts = {"measure"} & set(steps)
    if "praise" in steps and report.validity == "valid" and report.secrecy != NONE:
        acts |= set() if "praise" in taken and _has_praised(actor, report) else {"praise"}
    may_measure = "measure" in acts
    return MeasuresView(
        items=_items(report, may_read="staff" in parties or "supervisor" in parties) if "measure" in taken else [],
        acts=[name for name in ACTS if name in acts],
        kinds=[_offered(one) for one in current("reports.measures").data.kinds] if may_measure else [],
        results={key: _(label) for key, label in RESULTS.items()} if "measure_result" in steps else {},
        praised_by=[step.by for step in reversed(history) if step.step == "praise"],
    )


def _has_praised(actor: Actor, report: Report) -> bool:
    units = actor.organisation_ids(*access.STAFF_ROLES)
    return Praise.objects.filter(report=report, unit_id__in=units).exists()


def _items(report: Report, *, may_read: bool) -> list[MeasureView]:
    """The latest first. Two queries."""
    rows = Measure.objects.filter(report=report).select_related("unit", "replaced_by").prefetch_related("results")
    return [_item(row, may_read=may_read) for row in rows.order_by("-pk")]


def _item(row: Measure, *, may_read: bool) -> MeasureView:
    results = sorted(row.results.all(), key=lambda one: one.pk)
    return MeasureView(
        public_id=row.public_id,
        kind=row.kind,
        title=measure_title(row.kind),
        day=row.day,
        unit=row.unit.name,
        document=row.document,
        yuan=yuan(row.fen),
        party=_party(row) if may_read else "",
        result=_(RESULTS[results[-1].state]) if results else "",
        is_corrected=hasattr(row, "replaced_by"),
    )


def _party(row: Measure) -> str:
    if row.sealed_party is None:
        return ""
    return keys().open(bytes(row.sealed_party), purpose=f"measure-party:{row.public_id}").decode()


def _offered(one: MeasureKind) -> KindOffered:
    asks = {
        (True, True): _("要金额和文书编号"),
        (True, False): _("要金额"),
        (False, True): _("要文书编号"),
        (False, False): "",
    }
    return KindOffered(one.key, measure_title(one.key), asks[one.amount, one.document])


def yuan(fen: int | None) -> str:
    """1200.50; "" for no amount."""
    return f"{Decimal(fen) / 100:,.2f}".removesuffix(".00") if fen is not None else ""


def measures_of(cohort: QuerySet[Report]) -> list[MeasureCount]:
    """What stands of the measures taken in these reports, by kind, most often first. One query."""
    rows = Measure.objects.filter(report__in=cohort, replaced_by__isnull=True).order_by()
    counted = rows.values_list("kind").annotate(n=Count("pk"), fen=Sum("fen"))
    found = [(measure_title(kind), n, fen) for kind, n, fen in counted]
    return [MeasureCount(title, n, yuan(fen)) for title, n, fen in sorted(found, key=lambda one: (-one[1], one[0]))]


def praised_count(actor: Actor) -> int:
    """How often the actor's own reports were praised."""
    return Praise.objects.filter(report__in=access.own_reports(actor)).count()
