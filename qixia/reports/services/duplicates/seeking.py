"""Seen before? What is asked of triage when reports are settled, and what comes of the answer.

Rule     "same" merges by itself if the machine is sure of both: the report would be dispatched now, to the unit that has
         the lead, and the policy allows it. A lead that waits for a clerk is with no unit: what would go out at once must
         not wait with it. Everything else that is alike is a proposal for a clerk. A recurrence is linked and stays a
         case of its own.
Lead     the report that came first; of a report that is merged, its lead. One on which the unit is done is none.
Batch    a fixed number of statements for all reports together, and none beyond the questions if nothing is alike.
Errors   of the comparison never keep a report from its unit: alone in its batch it is settled as like nothing. In a batch
         they are passed on, and the job asks again for one at a time.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import DatabaseError, connection

from qixia.kernel import clock
from qixia.policy.queries import current
from qixia.reports import rules, states
from qixia.reports.models import MergeProposal, MergeRecord, Report
from qixia.reports.services.duplicates.joining import Joined, join, lock_groups
from qixia.triage import services as triage
from qixia.triage.candidates import similar_many
from qixia.triage.queries import Candidate, Seen
from qixia.triage.services.remembering import set_closed_many

log = logging.getLogger("qixia.reports")


@dataclass(slots=True)
class Sought:
    """One report that has just been judged. `may_merge`: the machine is sure enough of it to do so. `proposal` is there
    for a merge as well: it says why, and where it can be taken back."""

    report: Report
    may_merge: bool
    joined: Joined | None = None
    proposal: MergeProposal | None = None


@dataclass(frozen=True, slots=True)
class _Known:
    """What a ref stands for: the report itself, and the one in which it goes on."""

    own: int
    lead: Report


def seen_of(report: Report) -> Seen:
    """A report as triage is told of it."""
    return Seen(
        ref=report.ref,
        lat=report.lat,
        lng=report.lng,
        accuracy_m=report.accuracy_m,
        at=report.captured_at or report.received_at,
        words=report.words,
        cls=report.cls,
        floor=" ".join(part for part in (report.building, report.floor, report.spot) if part),
    )


def seek(sought: Sequence[Sought], now: datetime) -> None:
    """Remember the reports and find what each is like; sets `joined`, `proposal` and the report's `recurs`.

    Leads are locked and changed on the objects in hand; `write_joins` writes them."""
    found = _compared(sought, now)
    refs = {candidate.ref for candidates in found for candidate in candidates}
    known = _known(refs, [one.report for one in sought]) if refs else {}
    for one, candidates in zip(sought, found, strict=True):
        for candidate in candidates:
            if candidate.ref in known:
                _consider(one, candidate, known, now)


def _compared(sought: Sequence[Sought], now: datetime) -> Sequence[Sequence[Candidate]]:
    """Remember them all, and what each is like, the best first."""
    seen = [seen_of(one.report) for one in sought]
    try:
        triage.remember_many(seen)
        if handled := [one.report.ref for one in sought if one.report.state in states.DONE]:
            set_closed_many(handled, now)
        return similar_many(seen, limit=5, now=now)
    except DatabaseError:  # nothing can be written in this transaction any more
        raise
    except Exception:
        if len(sought) > 1:
            raise
        log.exception("comparison failed")  # of which report is not said: the line carries the rider's request
        return [[]]


def remember_again(report: Report) -> None:
    """After a person has named the class; what can't be read keeps its first marks."""
    try:
        triage.remember_many([seen_of(report)])
    except DatabaseError:
        raise
    except Exception:
        log.exception("comparison failed")


def _known(refs: set[str], batch: Sequence[Report]) -> dict[str, _Known]:
    """Ref → report and lead, for those that may be one. Rows of the batch are locked by the caller already."""
    own = {report.ref: report for report in batch}
    ids = [ref.removeprefix("report:") for ref in refs - own.keys()]
    rows = (
        list(Report.objects.filter(public_id__in=ids).values_list("public_id", "pk", "merged_into_id")) if ids else []
    )
    leads = lock_groups({lead or pk for _id, pk, lead in rows}) if rows else {}
    # Merged since we asked: whoever did that has looked at it.
    leads = {pk: lead for pk, lead in leads.items() if lead.state != "merged"}
    found = {
        f"report:{public_id}": _Known(pk, leads[lead or pk]) for public_id, pk, lead in rows if (lead or pk) in leads
    }
    return found | {ref: _Known(report.pk, report) for ref, report in own.items() if ref in refs}


def _consider(one: Sought, candidate: Candidate, known: dict[str, _Known], now: datetime) -> None:
    """Take the best of each kind; candidates come best first."""
    report, like = one.report, known[candidate.ref]
    # Merged a moment ago, in this batch: its lead is locked too.
    lead = like.lead.merged_into or like.lead
    if like.own >= report.pk or lead.pk == report.pk:
        return
    if candidate.verdict == "recurrence":
        report.recurs_id = report.recurs_id or like.own
        return
    if one.proposal or lead.state not in states.MERGEABLE:
        return
    if candidate.verdict == "same" and one.may_merge and _is_automatic() and _goes_to_the_same(report, lead):
        one.joined = join(report, lead, state=report.state, score=round(candidate.score, 4))
        report.state, report.merged_into = "merged", lead
    one.proposal = proposal_of(report, lead, candidate, now)
    decided = "merged" if one.joined else "" if report.state in states.MERGEABLE else "moot"
    if decided:
        one.proposal.state, one.proposal.decided_at, one.proposal.decided_by = decided, now, "system:settle"


def _goes_to_the_same(report: Report, lead: Report) -> bool:
    return lead.state in states.WITH_UNIT and lead.unit_id == report.unit_id


def _is_automatic() -> bool:
    return bool(current("reports.merging").data.automatic)


def proposal_of(report: Report, lead: Report, candidate: Candidate, now: datetime) -> MergeProposal:
    return MergeProposal(
        report=report,
        lead=lead,
        score=round(candidate.score, 4),
        distance_m=round(candidate.distance_m, 1),
        minutes_apart=round(candidate.minutes_apart, 1),
        signs=[
            {"value": round(sign.value, 3), "weight": round(sign.weight, 3), "says": sign.says, "about": sign.about}
            for sign in candidate.signs
        ],
        at=now,
    )


def write_joins(sought: Sequence[Sought], *, actor: str, now: datetime) -> None:
    """Records, proposals and the changed leads; after the reports themselves are written."""
    joins = [one.joined for one in sought if one.joined]
    MergeRecord.objects.bulk_create([one.record(actor=actor, at=now) for one in joins])
    MergeProposal.objects.bulk_create([one.proposal for one in sought if one.proposal])
    write_leads(list({one.lead.pk: one.lead for one in joins if one.before != one.after}.values()))


def write_leads(leads: Collection[Report]) -> None:
    """One prepared UPDATE, sent for all leads together. Their rows are locked. Their clocks are looked at again."""
    now = clock.now()
    for lead in leads:
        lead.clock_at = now
    fields: list[Any] = [Report._meta.get_field(name) for name in (*rules.STANDING, "clock_at")]
    rows = [
        [*(field.get_db_prep_save(getattr(lead, field.attname), connection) for field in fields), lead.pk]
        for lead in leads
    ]
    if rows:
        columns = ", ".join(f"{field.column} = %s" for field in fields)
        with connection.cursor() as cursor:
            cursor.executemany(f"UPDATE reports_report SET {columns} WHERE id = %s", rows)
