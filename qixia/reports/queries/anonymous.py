"""Anonymous reports as whoever holds their secrets sees them: how they stand, and whether points wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from qixia.kernel.claims import claim_hash
from qixia.kernel.errors import Invalid
from qixia.reports import access, states
from qixia.reports.models import Appeal, Praise, Rating, Report, ReportStep
from qixia.reports.queries.shared import is_sensitive, title_of
from qixia.rewards import queries as rewards

MOST = 50
_POINTS = {"waiting": "waiting", "ready": "ready", "gone": "done"}


@dataclass(frozen=True, slots=True)
class AnonymousStatus:
    """One report. `points`: none (not found valid, or not yet), waiting (from tomorrow on), ready, done (claimed)."""

    number: str
    title: str
    place: str
    state: str
    label: str
    unit: str
    answer: str
    points: str
    can_answer: bool
    can_rate: bool
    can_appeal: bool
    received_at: datetime
    praise: str = ""  # who praised it, and with which words


def anonymous_status(secrets: Sequence[object]) -> list[AnonymousStatus | None]:
    """The reports of these secrets in their order, None where there is none. At most 50; five queries."""
    if len(secrets) > MOST:
        raise Invalid("一次最多查 %(limit)d 件。", field="secrets", limit=MOST)
    rows = _with_said(access.of_secrets(secrets)).select_related("unit", "merged_into__unit")
    found = {report.claim_hash or "": report for report in rows}
    answers, points = _answers([report.merged_into or report for report in found.values()]), _points(found)
    praised = _praised(list(found.values()))
    views = {key: _view(report, answers, points[key], praised) for key, report in found.items()}
    return [views.get(claim_hash(secret) or "") for secret in secrets]


def _with_said(reports: QuerySet[Report]) -> Any:
    """With whether it was rated since it last ended, and whether somebody appealed."""
    rated = Rating.objects.filter(report=OuterRef("pk"), ended=OuterRef("reopened"))
    return reports.annotate(is_rated=Exists(rated), is_appealed=Exists(Appeal.objects.filter(report=OuterRef("pk"))))


def _answers(reports: Sequence[Report]) -> dict[int, str]:
    """The unit's last words on each report that are for its reporter."""
    steps = ReportStep.objects.filter(
        report__in=[report.pk for report in reports], step__in=("answer", "arrive", "resolve"), private=False
    )
    return dict(steps.exclude(text="").order_by("id").values_list("report_id", "text")) if reports else {}


def _praised(reports: Sequence[Report]) -> dict[int, str]:
    """Report → all praise for it, the latest first. Only what was found valid can have any."""
    ids = [report.pk for report in reports if report.validity == "valid"]
    rows = Praise.objects.filter(report__in=ids).order_by("-pk").values_list("report_id", "unit__name", "text")
    said: dict[int, str] = {}
    for report, unit, text in rows if ids else ():
        line = _("%(unit)s表扬了你：“%(text)s”") % {"unit": unit, "text": text}
        said[report] = f"{said[report]} {line}" if report in said else line
    return said


def _points(found: dict[str, Report]) -> dict[str, str]:
    valid = [key for key, report in found.items() if report.validity == "valid"]
    claims = rewards.claim_states(valid) if valid else {}
    return {key: _POINTS.get(claims.get(key, ""), "none") for key in found}


def _view(report: Any, answers: dict[int, str], points: str, praised: dict[int, str]) -> AnonymousStatus:
    """One that is merged answers with how its lead stands; of a matter that could name a person, without words."""
    lead = report.merged_into or report
    is_other = lead is not report
    shown = states.LABELS[lead.state]
    return AnonymousStatus(
        number=report.number,
        title=title_of(report),
        place=report.place,
        state=shown.glyph,
        label=_(shown.staff if is_other else shown.reporter),
        unit=lead.unit.name if lead.unit else "",
        answer="" if is_other and is_sensitive(lead) else answers.get(lead.pk, ""),
        points=points,
        can_answer=report.state == "confirming",
        can_rate=not report.is_rated and states.allowed("rate", report.state),
        can_appeal=not report.is_appealed and states.allowed("appeal", report.state),
        received_at=report.received_at,
        praise=praised.get(report.pk, ""),
    )
