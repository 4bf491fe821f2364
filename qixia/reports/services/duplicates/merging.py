"""A clerk makes one case of two reports, says that they are not the same, or takes a merge back.

Merge    the report goes on in the lead: its reporter and those who support it hear the news of the lead from then on. What
         was paid stays. What is merged into the report moves along, so a lead is never merged itself. The lead gets the
         earliest clocks, and is raised if the report is more severe. No unit that is done takes another report in.
Undo     puts back what the record of the merge says, exactly, or is refused: CannotUndo says what has changed since. From
         a lead that was found not true it is always possible: what is merged may be true all the same. What the report had
         earned, and lost with the lead, it earns again.
Races    the rows of both groups are locked in one order and looked at again; whoever comes second is refused.
Errors   NotFound, NotYours, SameReport, StepNotAllowed, LeadNotOpen, SomebodyWasFaster, CannotUndo: nothing has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from qixia.audit.services import record
from qixia.codes.queries import class_names
from qixia.jobs.services import publish
from qixia.kernel import clock
from qixia.kernel.errors import NotFound
from qixia.kernel.faults import kill_point
from qixia.people.access import Actor
from qixia.reports import access, errors, rules, states
from qixia.reports.models import MergeProposal, MergeRecord, Report
from qixia.reports.sealing import SEALED
from qixia.reports.services.alarms.ringing import ring
from qixia.reports.services.arriving.settling import pay_dispatch
from qixia.reports.services.duplicates.joining import (
    MERGED,
    UNMERGED,
    Joined,
    absorbed,
    join,
    lock_groups,
    merge_awards,
    raised_told,
    standing_of,
    take_standing,
)
from qixia.reports.services.duplicates.seeking import remember_again, write_leads
from qixia.reports.services.moves import check_step, keep_proposals, note_step, take_step
from qixia.reports.services.telling import Tell, reporter_told, tell_many, unit_told
from qixia.rewards.rules import SUPPORT
from qixia.rewards.services import award_many, reverse


# ── merge ─────────────────────────────────────────────────────────────────────
@transaction.atomic
def merge(*, actor: Actor, public_id: str, into: str) -> Report:
    """Let one report go on in another, or in the one that the other is merged into. Returns the lead."""
    report, lead = _case_of_clerk(actor, public_id), _case_of_clerk(actor, into)
    if report.state != "merged":
        check_step(report, "merge", actor)
    if lead.merged_into is not None:  # what changes is that one: it has to lie in the clerk's place as well
        lead = _case_of_clerk(actor, lead.merged_into.public_id)
    lead_id = lead.pk
    if report.pk == lead_id or report.merged_into_id == lead_id:
        raise errors.SameReport(field="into")
    rows = lock_groups([report.pk, lead_id])
    report, lead = _looked_at_again(rows, report, lead_id, actor)
    moved = [row.pk for row in rows.values() if row.merged_into_id == report.pk]
    joined = join(report, lead, state=report.state, moved=moved, again=True)
    _write(joined, actor)
    _pay(joined)
    kill_point("merge.written")
    tell_many(_told(joined))
    return lead


def _case_of_clerk(actor: Actor, public_id: str) -> Report:
    report = access.case(actor, public_id)
    if "clerk" not in access.parties(actor, report):
        raise errors.NotYours
    return report


def _looked_at_again(rows: Mapping[int, Report], seen: Report, lead_id: int, actor: Actor) -> tuple[Report, Report]:
    """Both as they are under the lock."""
    report, lead = rows[seen.pk], rows[lead_id]
    if report.state != seen.state or lead.state == "merged":
        raise errors.SomebodyWasFaster
    check_step(report, "merge", actor)
    if lead.part_of_id is not None:
        raise errors.PartOfCase
    if lead.state not in states.MERGEABLE:
        raise errors.LeadNotOpen(state=_(states.LABELS[lead.state].staff))
    return report, lead


def _write(joined: Joined, actor: Actor) -> None:
    report, lead, now = joined.report, joined.lead, clock.now()
    changes, data = {"merged_into_id": lead.pk}, {"into": lead.public_id}
    take_step(report, "merge", actor=actor, changes=changes, data=data, event=MERGED)
    Report.objects.filter(pk__in=joined.moved).update(merged_into=lead)
    if joined.before != joined.after:
        write_leads([lead])
    joined.record(actor=actor.ref, at=now).save(force_insert=True)
    note_step(lead, "absorb", before=lead.state, after=lead.state, actor=actor.ref, data=absorbed(joined))
    decided = {"state": "merged", "decided_at": now, "decided_by": actor.ref}
    if not _proposals(report, lead).update(**decided):
        apart_m, apart_min = (
            rules.apart(report, lead),
            abs((report.received_at - lead.received_at).total_seconds()) / 60,
        )
        MergeProposal.objects.create(
            report=report, lead=lead, score=0, distance_m=apart_m, minutes_apart=apart_min, at=now, **decided
        )


def _proposals(report: Report, lead: Report) -> Any:
    return MergeProposal.objects.filter(Q(report=report, lead=lead) | Q(report=lead, lead=report))


def _pay(joined: Joined) -> None:
    awards = merge_awards([joined])
    for (report, _award), posting in zip(awards, award_many([award for _report, award in awards]), strict=True):
        Report.objects.filter(pk=report.pk).update(points=posting.points or posting.promised)


def _told(joined: Joined) -> list[Tell]:
    report, lead, matter = joined.report, joined.lead, class_names(joined.report.cls)
    key = f"merged:{lead.pk}"
    told = reporter_told(report, "report.merged", key, matter=matter)
    if report.unit_id != lead.unit_id and report.unit_id is not None and joined.state in states.WITH_UNIT:
        told += unit_told(report, "unit.merged", key)
    return told + raised_told(joined)


# ── not the same ──────────────────────────────────────────────────────────────
@transaction.atomic
def keep_apart(*, actor: Actor, proposal: str) -> None:
    """The two reports of a proposal are different matters. Said twice it is said once."""
    found = _proposal(actor, proposal)
    if found.state == "apart":
        return
    changed = MergeProposal.objects.filter(pk=found.pk, state="open").update(
        state="apart", decided_at=clock.now(), decided_by=actor.ref
    )
    if not changed:
        raise errors.SomebodyWasFaster
    record("reports.kept_apart", subject=found.report.ref, actor=actor.ref, other=found.lead.ref)


def _proposal(actor: Actor, public_id: str) -> MergeProposal:
    found = MergeProposal.objects.select_related("report", "lead").filter(public_id=public_id[:26]).first()
    if found is None:
        raise NotFound
    for one in (found.report, found.lead):
        _case_of_clerk(actor, one.public_id)
    return found


# ── undo ──────────────────────────────────────────────────────────────────────
@transaction.atomic
def unmerge(*, actor: Actor, public_id: str) -> Report:
    """Take the last merge of a report back: both stand again as the record says. Returns the report."""
    seen = _case_of_clerk(actor, public_id)
    check_step(seen, "unmerge", actor)
    rows = lock_groups([seen.merged_into_id or 0, seen.pk])
    report = rows[seen.pk]
    check_step(report, "unmerge", actor)
    if report.merged_into_id != seen.merged_into_id:
        raise errors.SomebodyWasFaster
    lead, kept = rows[report.merged_into_id or 0], _last_merge(report)
    _check_undo(kept, report, lead, list(rows.values()))
    _restore(kept, report, lead, actor)
    _set_apart(report, lead, actor)
    _pay_again(kept, report, lead)
    if lead.state == "invalid":  # whose fingerprints went, of the whole group
        for row in (report, *(rows[pk] for pk in kept.before["moved"] if pk in rows)):
            remember_again(row)
    kill_point("unmerge.written")
    _tell_apart(report)
    return report


def _last_merge(report: Report) -> MergeRecord:
    found = MergeRecord.objects.filter(report=report, undoes=None, undone_by=None).order_by("-id").first()
    if found is None or found.lead_id != report.merged_into_id:
        raise errors.CannotUndo(why=_("它后来随另一件一起并走了，请先撤销那一次。"))
    return found


def _check_undo(kept: MergeRecord, report: Report, lead: Report, rows: list[Report]) -> None:
    """CannotUndo if the case went on so that the state before can't be put back."""
    if lead.state == "invalid":
        return
    if lead.state not in states.MERGEABLE:
        label = _(states.LABELS[lead.state].staff)
        raise errors.CannotUndo(why=_("先报的一件已经是“%(state)s”。") % {"state": label})
    before, after = rules.Standing.of_text(kept.before["lead"]), rules.Standing.of_text(kept.after)
    if before == after:
        return
    if standing_of(lead) != after:
        raise errors.CannotUndo(why=_("先报的一件的级别或时限后来又变过。"))
    going = {report.pk, *kept.before["moved"]}
    others = [row for row in rows if row.merged_into_id == lead.pk and row.pk not in going]
    if any(before.joined(standing_of(other)) != before for other in others):
        raise errors.CannotUndo(why=_("另一件并入的也这么急，请先撤销那一件。"))


def _restore(kept: MergeRecord, report: Report, lead: Report, actor: Actor) -> None:
    was, now = kept.before["report"], clock.now()
    changes: dict[str, Any] = {"state": was["state"], "merged_into_id": None, "points": was["points"], "clock_at": now}
    if _is_new_to_unit(kept, report):
        changes["dispatched_at"] = now
    if not Report.objects.filter(pk=report.pk, state="merged", merged_into=lead).update(**changes):
        raise errors.SomebodyWasFaster
    for name, value in changes.items():
        setattr(report, name, value)
    Report.objects.filter(pk__in=kept.before["moved"], merged_into=lead).update(merged_into=report)
    # Where the merge did not change the lead another one may have done so since, which is not ours to undo.
    if lead.state != "invalid" and kept.before["lead"] != kept.after:
        take_standing(lead, rules.Standing.of_text(kept.before["lead"]))
        write_leads([lead])
    MergeRecord.objects.create(
        report=report, lead=lead, undoes=kept, at=now, actor=actor.ref, before=kept.after, after=kept.before["lead"]
    )


def _is_new_to_unit(kept: MergeRecord, report: Report) -> bool:
    """Merged by the machine before any unit had it."""
    return kept.before["report"]["state"] == "dispatched" and report.dispatched_at is None


def _set_apart(report: Report, lead: Report, actor: Actor) -> None:
    """History of both, and nobody is asked about the two again."""
    now = clock.now()
    note_step(report, "unmerge", before="merged", after=report.state, actor=actor.ref, data={"from": lead.public_id})
    data = {"report": report.public_id}
    note_step(lead, "release", before=lead.state, after=lead.state, actor=actor.ref, data=data)
    keep_proposals(report)
    _proposals(report, lead).update(state="apart", decided_at=now, decided_by=actor.ref)
    publish(UNMERGED, report.ref, {"number": report.number})


def _pay_again(kept: MergeRecord, report: Report, lead: Report) -> None:
    """What was paid for the merge goes back; a report that a unit now gets for the first time earns what it is worth, and
    one that lost its points with a lead that was not true gets them back."""
    if report.secrecy != SEALED:
        return
    if kept.before["report"]["points"] is not None:
        if lead.state == "invalid" and kept.before["report"]["points"]:
            pay_dispatch(report, occasion=f"unmerge:{kept.pk}")
        return
    reverse(source=report.ref, rule=SUPPORT, reason=str(_("并入已撤销，按单独一件算")), actor="system:settle")
    if report.state == "dispatched":
        report.points = pay_dispatch(report)
        Report.objects.filter(pk=report.pk).update(points=report.points)


def _tell_apart(report: Report) -> None:
    key = f"unmerged:{clock.now().isoformat()}"
    told = reporter_told(report, "report.unmerged", key)
    if report.state in states.WITH_UNIT:
        told += unit_told(report, "unit.new_case", key, matter=class_names(report.cls))
    tell_many([*told, *ring([report], clock.now())])
