"""What a rider gets of the own reports (the right to see and to take along), what of them still runs, and the numbers
that the access log shows instead of ids.

An anonymous report is joined to nobody and therefore not in anybody's export: the phone keeps its secret.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from qixia.people.access import Actor
from qixia.reports import access, states
from qixia.reports.models import Report, ReportPhoto, ReportStep
from qixia.reports.queries.shared import timeline_item, title_of

# Reports a batch: an export of years must not hold them all in memory at once.
_BATCH = 200


@dataclass(frozen=True, slots=True)
class OwnPicture:
    """A picture that the rider gave: `report` is the number of its report."""

    report: str
    evidence: str
    role: str


@dataclass(frozen=True, slots=True)
class Holding:
    """What is kept of somebody, for the page that says so: how many, and the refs that an access log may name."""

    count: int
    open: int
    refs: tuple[str, ...]


def export_of(actor: Actor) -> list[dict[str, Any]]:
    """The actor's own reports as plain data: what was said, where, what became of it. Latest first."""
    rows = access.own_reports(actor).select_related("unit", "merged_into__unit").order_by("-pk")
    return [_report(row) for row in rows.prefetch_related("steps").iterator(chunk_size=_BATCH)]


def own_pictures(actor: Actor) -> list[OwnPicture]:
    """The pictures that the actor took; those of a unit are not the rider's."""
    rows = ReportPhoto.objects.filter(report__in=access.own_reports(actor), by_reporter=True).order_by(
        "report_id", "pk"
    )
    return [
        OwnPicture(*row) for row in rows.values_list("report__number", "evidence__public_id", "role").iterator()
    ]  # fmt: skip


def holding_of(actor: Actor) -> Holding:
    """How many own reports there are, how many still run, and all their refs. One query."""
    # A merged one runs as long as its lead.
    stands = Coalesce("merged_into__state", "state")
    rows = list(access.own_reports(actor).values_list("public_id", stands))
    running = sum(state not in states.ENDED for _id, state in rows)
    return Holding(len(rows), running, tuple(f"report:{public_id}" for public_id, _state in rows))


def numbers_of(public_ids: Iterable[str]) -> dict[str, str]:
    """Public id → the number that people read out."""
    return dict(Report.objects.filter(public_id__in=set(public_ids)).values_list("public_id", "number"))


def public_id_of_number(number: str) -> str | None:
    return Report.objects.filter(number=number).values_list("public_id", flat=True).first()


def _report(row: Report) -> dict[str, Any]:
    lead = row.merged_into or row
    shown = states.LABELS[lead.state]
    steps = [step for step in row.steps.all() if not step.private and step.step != "assign"]
    return {
        "number": row.number,
        "title": title_of(row),
        "state": _(shown.reporter if lead is row else shown.staff),
        "joined_with_another": lead is not row,
        "words": row.words,
        "place": row.place,
        "building": row.building,
        "floor": row.floor,
        "spot": row.spot,
        "position": {"lat": row.lat, "lng": row.lng, "accuracy_m": row.accuracy_m, "datum": row.datum},
        "captured_at": row.captured_at,
        "received_at": row.received_at,
        "ended_at": row.ended_at,
        "unit": lead.unit.name if lead.unit else "",
        "points": row.points,
        "name_shown": not row.name_hidden,
        "history": [_step(step) for step in sorted(steps, key=lambda step: step.pk)],
    }


def _step(step: ReportStep) -> dict[str, Any]:
    item = timeline_item(step, for_reporter=True)
    return {"at": item.at, "title": item.title, "text": item.text, "by": item.quote_by or ""}
