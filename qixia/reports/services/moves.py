"""One step of a report: the only code that changes `Report.state` of a settled report.

History names who took a step by ref; the reporter only as "reporter".

A step is a conditional update on the state that the caller saw: of two who act at once one is told that the other was
faster, and nothing of his stays. Row, history, audit and event are one transaction.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from qixia.audit.services import record
from qixia.jobs.services import publish
from qixia.kernel import clock
from qixia.people.access import Actor
from qixia.reports import access, errors, sealing, states
from qixia.reports.models import Report, ReportStep
from qixia.rewards import services as rewards
from qixia.triage.services.remembering import forget, set_closed_many


def check_step(report: Report, step: str, actor: Actor) -> None:
    """NotYours or StepNotAllowed, before anything is written."""
    rule = states.STEPS[step]
    if rule.who not in access.parties(actor, report):
        raise errors.NotYours
    if not states.allowed(step, report.state):
        label = states.LABELS[report.state].staff
        raise errors.StepNotAllowed(state=_(label), step=_(rule.label))


def take_step(
    report: Report,
    step: str,
    *,
    actor: Actor,
    by: str = "",
    text: str = "",
    private: bool = False,
    changes: dict[str, Any] | None = None,
    data: dict[str, Any] | None = None,
    event: str | None = None,
    seen: dict[str, Any] | None = None,
) -> ReportStep:
    """Move `report` along `step` inside the caller's transaction. Updates the object in hand as well. `seen`: further
    columns that must still be as the caller saw them."""
    check_step(report, step, actor)
    name = _named(report, step, actor)
    before, after = report.state, states.target(step, report.state)  # type: ignore[arg-type]
    columns = {"state": after, **(changes or {})}
    if not Report.objects.filter(pk=report.pk, state=before, **(seen or {})).update(**columns):
        raise errors.SomebodyWasFaster
    if columns.get("validity") == "valid" and report.validity != "valid":
        _promise(report)
    for column, value in columns.items():
        setattr(report, column, value)
    _remember(report, before, after)
    row = ReportStep.objects.create(
        report=report,
        at=clock.now(),
        step=step,
        before=before,
        after=after,
        actor=name,
        by=by,
        text=text,
        private=private,
        data=data or {},
    )
    record(f"reports.{step}", subject=report.ref, actor=name, before=before, after=after)
    if event:
        publish(event, report.ref, {"step": row.pk, "number": report.number})
    return row


def note_step(
    report: Report,
    step: str,
    *,
    before: str,
    after: str,
    actor: str,
    text: str = "",
    data: dict[str, Any] | None = None,
) -> ReportStep:
    """Write into history and audit what the caller has just done to a report, in the caller's transaction."""
    row = ReportStep.objects.create(
        report=report, at=clock.now(), step=step, before=before, after=after, actor=actor, text=text, data=data or {}
    )
    record(f"reports.{step}", subject=report.ref, actor=actor, before=before, after=after)
    return row


def _remember(report: Report, before: str, after: str) -> None:
    """Let triage know when a similar report would be a recurrence, for the report and what is merged into it; what is
    not true is like nothing."""
    if after == "invalid":
        forget(*group_refs(report))
    elif (after in states.DONE) != (before in states.DONE):
        set_closed_many(group_refs(report), clock.now() if after in states.DONE else None)


def group_refs(report: Report) -> list[str]:
    """The report and what is merged into it."""
    merged = Report.objects.filter(merged_into=report).values_list("public_id", flat=True)
    return [report.ref, *(f"report:{public_id}" for public_id in merged)]


def _named(report: Report, step: str, actor: Actor) -> str:
    """How history names who takes a step: the reporter is no person in it."""
    if states.STEPS[step].who != "rider":
        return actor.ref
    return sealing.REPORTER if report.secrecy == sealing.SEALED else sealing.ANONYMOUS


def _promise(report: Report) -> None:
    """Every way to be found valid leads through here: what an anonymous report earns is promised to its secret."""
    if report.secrecy == sealing.ANONYMOUS and report.claim_hash:
        rewards.promise(claim_hash=report.claim_hash)
