"""One step of a report: the only code that changes `Report.state` of a settled report.

History names who took a step by ref; the reporter only as "reporter".

A step is a conditional update on the state that the caller saw: of two who act at once one is told that the other was
faster, and nothing of his stays. Row, history, audit and event are one transaction.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from qixia.audit.services import record
from qixia.jobs.registry import declare_event
from qixia.jobs.services import publish
from qixia.kernel import clock
from qixia.people.access import Actor, system_actor
from qixia.reports import access, errors, sealing, states
from qixia.reports.models import MergeProposal, Report, ReportStep
from qixia.reports.services.clocks.clocking import moved, verify_due
from qixia.reports.services.desk.watching import tell_watchers
from qixia.reports.services.telling import clerks_told, news_told, tell_many
from qixia.rewards import services as rewards
from qixia.triage.services.remembering import forget, set_closed_many

GATHERED = declare_event("reports.gathered")


def check_step(report: Report, step: str, actor: Actor) -> None:
    """NotYours or StepNotAllowed, before anything is written."""
    rule = states.STEPS[step]
    if not states.takes(step, access.parties(actor, report)):
        raise errors.NotYours
    if step in states.JUDGING and access.is_own(actor, report):
        raise errors.OwnReport
    if report.part_of_id is not None and step in states.NOT_FOR_PARTS:
        raise errors.PartOfCase
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
    name, away = _named(report, step, actor), access.acting_for(actor, report, states.STEPS[step].who)
    before, after = report.state, states.target(step, report.state)  # type: ignore[arg-type]
    columns = {"state": after, **(changes or {})}
    columns |= moved(report, columns, step, clock.now())
    # Who is asked must be who the caller saw: a case may go to another unit and stay in the same state.
    kept = {"unit_id": report.unit_id} if states.STEPS[step].who in _BY_UNIT else {}
    if report.part_of_id is not None:  # the whole before its parts, as everywhere
        Report.objects.select_for_update(no_key=True).get(pk=report.part_of_id)
    if not Report.objects.filter(pk=report.pk, state=before, **kept, **(seen or {})).update(**columns):
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
        data=(data or {}) | ({"for": away} if away else {}),
    )
    behind = {"on_behalf_of": away} if away else {}
    record(f"reports.{step}", subject=report.ref, actor=name, before=before, after=after, **behind)
    tell_watchers(report, row)
    if event:
        publish(event, report.ref, {"step": row.pk, "number": report.number})
    if report.part_of_id is not None:
        _whole_follows(report, step)
    elif before in _WITH_PARTS and after not in _WITH_PARTS:
        _parts_follow(report)
    return row


_BY_UNIT = ("unit", "staff", "charge", "clerk")
# While the whole is here its parts are open, or wait to be looked at with it.
_WITH_PARTS = ("split", "resolved", "confirming")
_GATHERER = system_actor("gather")


def _whole_follows(part: Report, step: str) -> None:
    """What a part's step means for the whole: an answer is one, the last part ends the waiting, a part that was sent back
    begins it again."""
    whole = Report.objects.select_related("unit", "community").get(pk=part.part_of_id or 0)
    if part.answered_at and whole.answered_at is None:
        Report.objects.filter(pk=whole.pk, answered_at=None).update(answered_at=part.answered_at)
    if part.validity == "valid" and whole.validity == "undecided":
        Report.objects.filter(pk=whole.pk).update(validity="valid")  # locked by the part's step
        _promise(whole)
    if step == "send_back" and whole.state in ("resolved", "confirming"):
        undone = {"resolved_at": None, "verified_at": None, "verify_due": None}
        take_step(whole, "scatter", actor=_GATHERER, by=part.unit.name if part.unit else "", changes=undone)
    elif whole.state == "split":
        _gather(whole)


def _gather(whole: Report) -> None:
    """Let the whole go on if no part is open any more."""
    tally: dict[str, int] = {}
    for state in Report.objects.filter(part_of=whole).values_list("state", flat=True):
        name = "open" if state in states.OPEN and state != "resolved" else state
        tally[name] = tally.get(name, 0) + 1
    if tally.get("open"):
        return
    data = {"done": tally.get("resolved", 0), "rejected": tally.get("invalid", 0), "set_aside": tally.get("aside", 0)}
    if not data["done"]:
        take_step(whole, "unsplit", actor=_GATHERER, data=data)
        return
    now = clock.now()
    changes = {"resolved_at": now, "verify_due": verify_due(whole, now)}
    row = take_step(whole, "gather", actor=_GATHERER, changes=changes, data=data, event=GATHERED)
    units = Report.objects.filter(part_of=whole, state="resolved").order_by("pk").values_list("unit__name", flat=True)
    named = "、".join(dict.fromkeys(units))
    tell_many(
        [
            *news_told(whole, "report.resolved", f"resolved:{row.pk}", unit=named),
            *clerks_told(whole, "report.resolved", f"resolved:{row.pk}", unit=named),
        ]
    )


def _parts_follow(whole: Report) -> None:
    """What is left of the parts is filed with the whole."""
    for part in Report.objects.filter(part_of=whole, state__in=states.STEPS["file_part"].sources).order_by("pk"):
        take_step(part, "file_part", actor=_GATHERER, changes={"ended_at": clock.now()})


def note_step(
    report: Report,
    step: str,
    *,
    before: str,
    after: str,
    actor: str,
    by: str = "",
    text: str = "",
    data: dict[str, Any] | None = None,
) -> ReportStep:
    """Write into history and audit what the caller has just done to a report, in the caller's transaction."""
    row = ReportStep.objects.create(
        report=report,
        at=clock.now(),
        step=step,
        before=before,
        after=after,
        actor=actor,
        by=by,
        text=text,
        data=data or {},
    )
    record(f"reports.{step}", subject=report.ref, actor=actor, before=before, after=after)
    tell_watchers(report, row)
    return row


def _remember(report: Report, before: str, after: str) -> None:
    """Let triage know when a similar report would be a recurrence, for the report and what is merged into it; what is
    not true, or none of the city's business, is like nothing. What was proposed of it waits for nobody while it can't be merged."""
    if (after in states.MERGEABLE) != (before in states.MERGEABLE):
        keep_proposals(report)
    if after in ("invalid", "aside"):
        forget(*group_refs(report))
    elif (after in states.DONE) != (before in states.DONE):
        set_closed_many(group_refs(report), clock.now() if after in states.DONE else None)


def keep_proposals(report: Report) -> None:
    """Close what was proposed of a report that can't be merged any more; ask again of one that can, if both can. For who
    changes a state without a step of its own as well. Idempotent."""
    pairs = MergeProposal.objects.filter(Q(report=report) | Q(lead=report))
    if report.state in states.MERGEABLE:
        both = pairs.filter(report__state__in=states.MERGEABLE, lead__state__in=states.MERGEABLE, state="moot")
        both.update(state="open", decided_at=None, decided_by="")
    else:
        pairs.filter(state="open").update(state="moot", decided_at=clock.now(), decided_by="system:settle")


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
