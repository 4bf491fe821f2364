"""What the clerk does: sort what the machine was unsure of, send on what came back, look whether it is done and true.

Valid or invalid is a fact of its own, distinct from closed and from fixed. Found invalid, the points of the report are
taken back by reversing entries.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction

from qixia.codes.queries import triage_classes
from qixia.codes.rules import SEVERITIES
from qixia.jobs.registry import declare_event
from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.kernel.worktime import span
from qixia.people.access import Actor, system_actor
from qixia.policy.queries import current, working_calendar
from qixia.reports import access, errors, rules
from qixia.reports.models import Report
from qixia.reports.sealing import SEALED
from qixia.reports.services.alarms.ringing import ring, ring_again, stand_down
from qixia.reports.services.arriving.looking import seems_copied
from qixia.reports.services.arriving.settling import DISPATCHED, RESOLVED, pay_dispatch
from qixia.reports.services.clocks.clocking import earliest_clocks, rerouted, reset_clocks
from qixia.reports.services.duplicates.seeking import remember_again
from qixia.reports.services.endings.deciding import note_decision
from qixia.reports.services.moves import check_step, group_refs, take_step
from qixia.reports.services.telling import news_told, reporter_of, tell_many, unit_told
from qixia.reports.services.units.asking import ask_listed, listed_for, listed_unit
from qixia.reports.services.units.naming import acting_unit, refuse_empty
from qixia.rewards.queries import signals_of
from qixia.rewards.services import Award, award_many, reverse
from qixia.triage.active import chosen
from qixia.triage.services import correct

VERIFIED = declare_event("reports.verified")
SENT_BACK = declare_event("reports.sent_back")
REJECTED = declare_event("reports.rejected")
CLOSED = declare_event("reports.closed")


@transaction.atomic
def sort(*, actor: Actor, public_id: str, cls: str, severity: str, unit_code: str, seen_severity: str = "") -> Report:
    """Name class, severity and unit of a report that waits for a person, and send it on its way.

    `seen_severity` is what the page showed: SomebodyWasFaster if a merge has raised the report since."""
    report = access.case(actor, public_id)
    step = "sort_handled" if report.handled_by_rider else "sort"
    check_step(report, step, actor)
    found = triage_classes().get(cls)
    if found is None:
        raise errors.UnknownClass(field="cls")
    if severity not in SEVERITIES:
        raise Invalid("请选一个级别。", field="severity")
    if seen_severity and seen_severity != report.severity:
        raise errors.SomebodyWasFaster
    unit, now = acting_unit(unit_code, listed=listed_unit(report, cls)), clock.now()
    refuse_empty(unit)
    due = reset_clocks(report, unit=unit, cls=cls, severity=severity, given=now)
    said = report.cls, report.severity
    report.cls, report.severity = cls, severity
    changes = {
        "cls": cls,
        "severity": severity,
        "standard_code": found.standard_code,
        "sorted_by_person": True,
        "rings": severity == "critical",
        "unit_id": unit.id,
        **due,
        **earliest_clocks(report, receive=due["receive_due"], resolve=due["resolve_due"]),
        **(
            {"resolved_at": now, "verify_due": working_calendar().work.add(now, span(due["verify_limit"]))}
            if report.handled_by_rider
            else {"dispatched_at": now}
        ),
    }
    event = RESOLVED if report.handled_by_rider else DISPATCHED
    by = "" if report.handled_by_rider else unit.name
    # A merge may be raising it at this very moment.
    seen = {"severity": said[1], "receive_due": report.receive_due, "resolve_due": report.resolve_due}
    row = take_step(report, step, actor=actor, by=by, changes=changes, data={"unit": unit.code}, event=event, seen=seen)
    if report.secrecy == SEALED:  # reports before purses, as everywhere: else two wait for each other
        report.points = pay_dispatch(report)
        Report.objects.filter(pk=report.pk).update(points=report.points)
    remember_again(report)
    _learn(report, said, actor)
    tell_many(ring([report], now))
    if not report.rings:
        stand_down(report, now)
    if not report.handled_by_rider:
        tell_many(ask_listed([(report, listed_for(report))], actor=actor.ref, now=now))
        told = news_told(report, "report.dispatched", "dispatched", unit=unit.name, matter=found.name)
        tell_many([*told, *unit_told(report, "unit.new_case", f"case:{row.pk}", matter=found.name)])
    return report


@transaction.atomic
def redirect(*, actor: Actor, public_id: str, unit_code: str, reason: str) -> Report:
    """Send a report to another unit; all clocks but receiving run on."""
    report = access.case(actor, public_id)
    check_step(report, "redirect", actor)
    unit, words = acting_unit(unit_code), rules.required_text(reason, field="text")
    refuse_empty(unit)
    now = clock.now()
    changes = {
        "unit_id": unit.id,
        "charge_id": report.charge_id or report.unit_id,
        "assignee_id": None,
        "dispatched_at": now,
        "accepted_at": None,
        **rerouted(report, unit, now),
    }
    row = take_step(
        report,
        "redirect",
        actor=actor,
        by=unit.name,
        text=words,
        changes=changes,
        data={"unit": unit.code},
        event=DISPATCHED,
    )
    report.unit_id = unit.id
    told = unit_told(report, "unit.new_case", f"case:{row.pk}", matter=_matter(report))
    tell_many([*told, *ring_again(report, row.at)])
    return report


@transaction.atomic
def verify(*, actor: Actor, public_id: str, text: str = "") -> Report:
    """It is done as the unit says. A report that nobody called invalid by now is valid. The reporter is asked."""
    report = access.case(actor, public_id)
    words = rules.clean_text(text, field="text", limit=rules.NOTE_MAX)
    check_step(report, "verify_handled" if report.handled_by_rider else "verify", actor)
    if access.did_it(actor, report):
        raise errors.OwnWork
    if not words and seems_copied(report):
        raise errors.LooksCopied(field="text")
    now = clock.now()
    changes: dict[str, Any] = {"verified_at": now, "validity": "valid"}
    if report.handled_by_rider:
        # The reporter put it right and showed it: there is nobody left to ask.
        take_step(
            report, "verify_handled", actor=actor, text=words, changes=changes | {"ended_at": now}, event=VERIFIED
        )
        _thank_for_handling(report)
        tell_many(news_told(report, "report.fixed", "fixed"))
        return report
    row = take_step(report, "verify", actor=actor, text=words, changes=changes, event=VERIFIED)
    tell_many(news_told(report, "report.please_confirm", f"confirm:{row.pk}", others="report.checked"))
    return report


@transaction.atomic
def send_back(*, actor: Actor, public_id: str, text: str) -> Report:
    """It is not done: back to the unit with what is missing. The unit's clock was never stopped for good."""
    report = access.case(actor, public_id)
    words = rules.required_text(text, field="text")
    row = take_step(
        report,
        "send_back",
        actor=actor,
        text=words,
        changes={"resolved_at": None, "verified_at": None, "verify_due": None},
        event=SENT_BACK,
    )
    tell_many(unit_told(report, "unit.sent_back", f"back:{row.pk}", text=words[:60]))
    return report


@transaction.atomic
def validate(*, actor: Actor, public_id: str, text: str = "", ground: str = "other") -> Report:
    """The matter is true, whatever comes of it. `ground` is one of the policy's reasons."""
    report = access.case(actor, public_id)
    words = rules.clean_text(text, field="text", limit=rules.NOTE_MAX)
    take_step(report, "validate", actor=actor, text=words, changes={"validity": "valid"}, data={"ground": ground})
    note_decision(report, "valid", ground, actor)
    return report


@transaction.atomic
def reject(*, actor: Actor, public_id: str, reason: str, ground: str = "other") -> Report:
    """The matter is not true: ends the report and takes its points back, also of what is merged into it; what those got
    who support it goes back with the next batch (supporting.py). They are told why."""
    report = access.case(actor, public_id)
    words = rules.required_text(reason, field="text")
    changes = {"validity": "invalid", "ended_at": clock.now()}
    take_step(report, "reject", actor=actor, text=words, changes=changes, data={"ground": ground}, event=REJECTED)
    note_decision(report, "invalid", ground, actor)
    reverse(source=report.ref, also=group_refs(report)[1:], reason=words, actor=actor.ref)
    tell_many(news_told(report, "report.invalid", "invalid", text=words[:60]))
    return report


def close_silent(*, limit: int = 200) -> int:
    """File checked reports whose reporters said nothing for the days that the policy grants. Returns how many."""
    days = current("reports.limits").data.close_after_days
    before = clock.now() - timedelta(days=days)
    silent = Report.objects.filter(state="confirming", verified_at__lt=before).order_by("verified_at", "pk")
    closer = system_actor("close")
    closed = 0
    for report in silent[:limit]:
        try:
            with transaction.atomic():
                take_step(report, "close", actor=closer, changes={"ended_at": clock.now()}, event=CLOSED)
            closed += 1
        except errors.SomebodyWasFaster:
            continue
    return closed


def _learn(report: Report, said: tuple[str, str], actor: Actor) -> None:
    """What a person makes of the machine's class and severity is an example to learn from; agreement is one too."""
    correct(
        ref=report.ref,
        text=report.words,
        cls=report.cls,
        severity=report.severity,
        was_cls=said[0],
        was_severity=said[1],
        model=chosen(report.received_at)[0],
        actor=actor.ref,
    )


def _thank_for_handling(report: Report) -> None:
    """What was odd about the report is odd about having put it right."""
    if report.secrecy != SEALED:
        return
    thanks = Award(
        beneficiary=f"person:{reporter_of(report)}",
        rule="self-handled",
        source=report.ref,
        act="reports.self_handled",
        actor="system:settle",
        params={"number": report.number, "place": report.place, "link": f"/r/{report.public_id}/"},
        signals=signals_of(report.ref),
    )
    award_many([thanks])


def _matter(report: Report) -> str:
    found = triage_classes().get(report.cls)
    return found.name if found else ""
