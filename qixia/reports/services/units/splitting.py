"""Several units for one matter: a clerk splits a report into parts, each a report of its own at its unit.

Part     has a number, a unit, words, and the clocks of the whole, which ran from the whole's receipt and run on. It has no
         reporter, earns nothing, is compared with nothing and is in no statistic. Its photos of before are the whole's.
Whole    waits in `split`; the unit that had it keeps the lead. When no part is open any more it goes on by itself: to
         `resolved` if a unit says done, to `returned` if every part was called untrue (moves.py, in the transaction of
         the last part's step). A part that is sent back takes the whole back to `split`.
Order    the row of the whole is locked before a part's, everywhere.
Errors   NotFound, NotYours, StepNotAllowed, WrongParts, PartOfCase, HelpersOpen, UnknownUnit, Invalid: nothing has changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from qixia.codes.queries import class_names, triage_classes
from qixia.codes.rules import SEVERITIES
from qixia.jobs.registry import declare_event
from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.people.access import Actor
from qixia.people.queries import Org
from qixia.reports import access, errors, rules
from qixia.reports.models import Report
from qixia.reports.sealing import NONE
from qixia.reports.services.clocks.clocking import reset_clocks
from qixia.reports.services.moves import check_step, note_step, take_step
from qixia.reports.services.telling import Tell, news_told, tell_many, unit_told
from qixia.reports.services.units.handling import refuse_open_helpers
from qixia.reports.services.units.naming import acting_unit, refuse_empty

SPLIT = declare_event("reports.split")

PARTS_MIN = 2
PARTS_MAX = 6


@dataclass(frozen=True, slots=True)
class PartAsked:
    """What one unit shall do. Class and severity are the whole's unless they are named."""

    unit_code: str
    words: str
    cls: str = ""
    severity: str = ""


@transaction.atomic
def split(*, actor: Actor, public_id: str, parts: Sequence[PartAsked], text: str = "") -> list[Report]:
    """Let several units do a part each. Returns the parts in the order in which they were asked for."""
    report = access.case(actor, public_id)
    check_step(report, "split", actor)
    said = rules.clean_text(text, field="text", limit=rules.NOTE_MAX)
    asked = _checked(parts)
    refuse_open_helpers(report)
    if report.merged_into_id is not None or report.part_of_id is not None:
        raise errors.PartOfCase
    units = [acting_unit(one.unit_code) for one in asked]
    for unit in units:
        refuse_empty(unit)
    names = "、".join(unit.name for unit in units)
    changes = {"unit_id": report.unit_id or units[0].id, "assignee_id": None}
    data: dict[str, Any] = {"units": [unit.code for unit in units]}
    row = take_step(report, "split", actor=actor, by=names, text=said, changes=changes, data=data, event=SPLIT)
    made = [_part(report, one, unit) for one, unit in zip(asked, units, strict=True)]
    told: list[Tell] = []
    for part, one, unit in zip(made, asked, units, strict=True):
        data = {"whole": report.public_id, "unit": unit.code}
        note_step(part, "cut", before="", after="dispatched", actor=actor.ref, by=unit.name, text=one.words, data=data)
        told += unit_told(part, "unit.new_case", f"case:{row.pk}", matter=class_names(part.cls))
    tell_many([*told, *news_told(report, "report.split", f"split:{row.pk}", units=names)])
    return made


def _checked(parts: Sequence[PartAsked]) -> list[PartAsked]:
    """The parts with clean words. WrongParts or Invalid."""
    if not PARTS_MIN <= len(parts) <= PARTS_MAX:
        raise errors.WrongParts(field="parts", least=PARTS_MIN, most=PARTS_MAX)
    if len({one.unit_code for one in parts}) < len(parts):
        raise errors.PartsAlike(field="parts")
    for one in parts:
        if one.cls and one.cls not in triage_classes():
            raise errors.UnknownClass(field="cls")
        if one.severity and one.severity not in SEVERITIES:
            raise Invalid("请选一个级别。", field="severity")
    return [
        PartAsked(one.unit_code, rules.required_text(one.words, field="words"), one.cls, one.severity) for one in parts
    ]


# What a part takes over from its whole as it stands.
_TAKEN = (
    "building", "floor", "spot", "lat", "lng", "accuracy_m", "datum", "place_source", "captured_at", "received_at",
    "grid_code", "community_id", "site_id", "place", "receive_due", "answer_due", "resolve_due", "answered_at",
    "resolve_limit", "verify_limit", "resolve_from", "validity",
)  # fmt: skip


def _part(whole: Report, asked: PartAsked, unit: Org) -> Report:
    taken: dict[str, Any] = {name: getattr(whole, name) for name in _TAKEN}
    severity = asked.severity or whole.severity
    found = reset_clocks(whole, unit=unit, cls=asked.cls, severity=severity, given=clock.now())
    taken |= found if severity != whole.severity else {"receive_due": found["receive_due"]}
    cls = asked.cls or whole.cls
    return Report.objects.create(
        **taken,
        state="dispatched",
        secrecy=NONE,
        words=asked.words,
        cls=cls,
        standard_code=triage_classes()[cls].standard_code if cls in triage_classes() else "",
        severity=severity,
        sorted_by_person=True,
        unit_id=unit.id,
        route_reason="拆分",
        dispatched_at=clock.now(),
        part_of=whole,
        clock_at=clock.now(),  # its own unit is reminded, whatever the lead was told
    )
