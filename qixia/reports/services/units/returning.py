"""Not ours: a unit names who should act, the named one may object once, the supervisor decides.

Return   to the named unit at once; it has its own time to receive it, the other clocks run on. No unit is named that said "not ours"
         before, and no more often than the rule "reports.ways" grants; then only `refer` is left.
Charge   who was asked first stays in charge until another unit accepts or a supervisor decides: it still sees the case,
         and answers the rider.
Told     the unit that gets it, with the reason; supervisors of the place (its clerks where there are none) of what waits
         for them. Riders read the units on the way, never the reasons.
Errors   NotFound, NotYours, StepNotAllowed, UnknownUnit, SameUnit, WentThere, ReturnsUsedUp, DecidedAlready,
         CannotObject, SomebodyWasFaster: nothing has changed.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction

from qixia.codes.queries import class_names
from qixia.jobs.registry import declare_event
from qixia.kernel import clock
from qixia.people.access import Actor
from qixia.people.queries import Org, people_in_charge
from qixia.policy.queries import current
from qixia.reports import access, errors, paths, rules
from qixia.reports.models import Report
from qixia.reports.services.alarms.ringing import ring_again
from qixia.reports.services.arriving.settling import DISPATCHED
from qixia.reports.services.clocks.clocking import rerouted
from qixia.reports.services.moves import check_step, take_step
from qixia.reports.services.telling import clerks_told, people_told, tell_many, unit_told
from qixia.reports.services.units.naming import acting_unit, refuse_empty

RETURNED = declare_event("reports.returned")
REFERRED = declare_event("reports.referred")


@transaction.atomic
def return_report(*, actor: Actor, public_id: str, reason: str, to: str) -> Report:
    """Not ours: to the unit with the code `to` at once, with the reason."""
    report = access.case(actor, public_id)
    check_step(report, "return", actor)
    words, moves, own = rules.required_text(reason, field="text"), _moves(report), report.unit
    unit = _named(report, to, moves)
    limit = current("reports.ways").data.returns
    if paths.returns(moves) >= limit:
        raise errors.ReturnsUsedUp(limit=limit)
    refuse_empty(unit)
    changes = _passed_on(report, unit) | {"charge_id": report.charge_id or report.unit_id}
    data = {"unit": unit.code, "from": own.code if own else ""}
    row = take_step(
        report,
        "return",
        actor=actor,
        by=unit.name,
        text=words,
        changes=changes,
        data=data,
        event=RETURNED,
    )
    said = {"matter": class_names(report.cls), "unit": own.name if own else "", "text": words[:60]}
    tell_many([*unit_told(report, "unit.returned", f"returned:{row.pk}", **said), *ring_again(report, row.at)])
    return report


@transaction.atomic
def object_to(*, actor: Actor, public_id: str, reason: str) -> Report:
    """The unit that another one named says: not ours either. Once; then the supervisor decides."""
    report = access.case(actor, public_id)
    check_step(report, "object", actor)
    words = rules.required_text(reason, field="text")
    if report.unit is None or not paths.may_object(_moves(report), report.unit.code):
        raise errors.CannotObject
    return _up(report, "object", actor, words)


@transaction.atomic
def refer(*, actor: Actor, public_id: str, reason: str) -> Report:
    """Not ours, and we don't know whose: the supervisor decides."""
    report = access.case(actor, public_id)
    check_step(report, "refer", actor)
    words = rules.required_text(reason, field="text")
    if paths.is_decided(_moves(report)):
        raise errors.DecidedAlready
    return _up(report, "refer", actor, words)


@transaction.atomic
def decide(*, actor: Actor, public_id: str, unit_code: str, reason: str) -> Report:
    """Name the unit that must act. Final: it can neither return nor object."""
    report = access.case(actor, public_id)
    check_step(report, "decide", actor)
    words = rules.required_text(reason, field="text")
    unit = acting_unit(unit_code)
    refuse_empty(unit)
    changes = _passed_on(report, unit) | {"charge_id": None}
    data = {"unit": unit.code}
    row = take_step(
        report, "decide", actor=actor, by=unit.name, text=words, changes=changes, data=data, event=DISPATCHED
    )
    said = {"matter": class_names(report.cls), "text": words[:60]}
    tell_many([*unit_told(report, "unit.decided", f"decided:{row.pk}", **said), *ring_again(report, row.at)])
    return report


def _passed_on(report: Report, unit: Org) -> dict[str, Any]:
    """What changes when another unit has it. Its limits may be other ones; they are counted from where the clock began."""
    now = clock.now()
    moved = {"unit_id": unit.id, "assignee_id": None, "dispatched_at": now, "accepted_at": None}
    return moved | rerouted(report, unit, now)


def _up(report: Report, step: str, actor: Actor, words: str) -> Report:
    """To the supervisor. Until then it stays with the unit that sent it up."""
    unit = report.unit
    changes = {"charge_id": report.charge_id or report.unit_id, "assignee_id": None, "accepted_at": None}
    row = take_step(
        report,
        step,
        actor=actor,
        by=unit.name if unit else "",
        text=words,
        changes=changes,
        data={"from": unit.code if unit else ""},
        event=REFERRED,
    )
    path, key = report.community.path if report.community else "", f"decide:{row.pk}"
    said = {"matter": class_names(report.cls), "unit": unit.name if unit else "", "text": words[:60]}
    people = [member.person_id for member in people_in_charge(path, "supervisor")]
    told = people_told(report, people, "supervisor.decide", key, **said)
    told = told or clerks_told(report, "supervisor.decide", key, **said)
    tell_many([*told, *ring_again(report, row.at)])
    return report


def _moves(report: Report) -> list[paths.Move]:
    return paths.moves_of(report.steps.filter(step__in=paths.TELLING).order_by("id"))


def _named(report: Report, code: str, moves: list[paths.Move]) -> Org:
    """The unit that is to have it. Refused, if the path may not lead there."""
    unit = acting_unit(code)
    if unit.id == report.unit_id:
        raise errors.SameUnit(field="unit")
    if paths.is_decided(moves):
        raise errors.DecidedAlready
    if unit.code in paths.refused(moves):
        raise errors.WentThere(field="unit", unit=unit.name)
    return unit
