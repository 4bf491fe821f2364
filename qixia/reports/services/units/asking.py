"""Helpers that the dispatch catalogue names (协办): asked when the report is dispatched, in the same transaction.

Batch    for many reports with a fixed number of statements. A unit that does not exist is passed over; so is the lead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from qixia.audit.services import Act, record_many
from qixia.codes.queries import class_names, triage_classes
from qixia.people.queries import Org, organisation_by_code
from qixia.policy.queries import current
from qixia.reports import rules
from qixia.reports.models import Help, Report, ReportStep
from qixia.reports.services.telling import Tell, members_told

LISTED = "派单目录里的协办单位"


def ask_listed(wanted: Iterable[tuple[Report, Sequence[str]]], *, actor: str, now: datetime) -> list[Tell]:
    """Ask the units with these codes to help with their report. Returns whom to tell."""
    pairs = [(report, unit) for report, codes in wanted for unit in _units(report, codes)]
    if not pairs:
        return []
    Help.objects.bulk_create(
        [Help(report=report, unit_id=unit.id, words=LISTED, asked_at=now) for report, unit in pairs],
        ignore_conflicts=True,
    )
    ReportStep.objects.bulk_create(
        ReportStep(
            report=report,
            at=now,
            step="ask_help",
            before=report.state,
            after=report.state,
            actor=actor,
            by=unit.name,
            text=LISTED,
            data={"helper": unit.code},
        )
        for report, unit in pairs
    )
    record_many([Act("reports.ask_help", report.ref, actor, {"helper": unit.code}) for report, unit in pairs])
    told: list[Tell] = []
    for report, unit in pairs:
        told += members_told(report, unit.id, "unit.help_asked", "help:listed", matter=class_names(report.cls))
    return told


def listed_for(report: Report) -> list[str]:
    """The helpers that the catalogue names for a case that a person sorted, if its unit is the catalogue's."""
    found = _routed(report, report.cls)
    unit = organisation_by_code(found.unit)
    return found.row.helpers if unit is not None and unit.id == report.unit_id else []


def listed_unit(report: Report, cls: str) -> str:
    """The code of the unit that the catalogue names for a case, if it is of this class."""
    return _routed(report, cls).unit


def _routed(report: Report, cls: str) -> rules.Route:
    known = triage_classes()
    return rules.route(
        current("reports.routing").data.rows,
        cls=cls,
        family=known[cls].family if cls in known else "",
        place=rules.Place(report.community.path if report.community else "", report.site.kind if report.site else ""),
    )


def _units(report: Report, codes: Sequence[str]) -> list[Org]:
    found = [organisation_by_code(code) for code in dict.fromkeys(codes)]
    return [unit for unit in found if unit is not None and unit.id != report.unit_id]
