"""What the unit does: accept, assign, answer, go there, resolve. Returning is returning.py's.

Every step needs a role in the unit that the report was sent to; see access.parties. Texts are for the reporter unless
marked private; they are signed with the unit's name, never with a person's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from qixia.jobs.registry import declare_event
from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.media.services import Received, Upload, keep, receive
from qixia.people.access import Actor
from qixia.people.queries import staff_of
from qixia.reports import access, errors, rules
from qixia.reports.models import Help, Report, ReportPhoto
from qixia.reports.services.alarms.ringing import taken
from qixia.reports.services.arriving.looking import SHOWN, digests_before, refuse_copies
from qixia.reports.services.arriving.settling import RESOLVED
from qixia.reports.services.clocks.clocking import verify_due
from qixia.reports.services.moves import check_step, take_step
from qixia.reports.services.telling import clerks_told, news_told, tell_many

ACCEPTED = declare_event("reports.accepted")
ANSWERED = declare_event("reports.answered")
ARRIVED = declare_event("reports.arrived")


@transaction.atomic
def accept(*, actor: Actor, public_id: str) -> Report:
    """The unit takes the report on. The person who accepts is in charge until somebody else is named."""
    report = access.case(actor, public_id)
    changes = {"accepted_at": report.accepted_at or clock.now(), "assignee_id": actor.person_id, "charge_id": None}
    take_step(report, "accept", actor=actor, by=_unit_name(report), changes=changes, event=ACCEPTED)
    taken(report, actor.person_id, clock.now())  # an alarm rings until somebody has it
    return report


@transaction.atomic
def assign(*, actor: Actor, public_id: str, person_public_id: str) -> Report:
    """Name who goes. Only somebody of the same unit."""
    report = access.case(actor, public_id)
    check_step(report, "assign", actor)
    members = {member.public_id: member for member in staff_of(report.unit_id or 0, *access.UNIT_ROLES)}
    if person_public_id not in members:
        raise Invalid("请在本单位的人里选一个。", field="person")
    member = members[person_public_id]
    take_step(
        report,
        "assign",
        actor=actor,
        by=_unit_name(report),
        changes={"assignee_id": member.person_id},
        data={"to": f"person:{member.public_id}"},
    )
    return report


@transaction.atomic
def answer(*, actor: Actor, public_id: str, text: str) -> Report:
    """Write to the reporter. The first one stops the 24-hour clock."""
    report = access.case(actor, public_id)
    words = rules.required_text(text, field="text")
    by = _answering(report, actor)
    row = take_step(report, "answer", actor=actor, by=by, text=words, changes=_answered(report), event=ANSWERED)
    # An answer about a part is one about the whole.
    asked = report.part_of or report
    tell_many(news_told(asked, "report.answered", f"answered:{row.pk}", unit=by, text=words[:60]))
    return report


def arrive(
    *, actor: Actor, public_id: str, text: str, photos: Sequence[Upload] = (), claimed: Sequence[object] = ()
) -> Report:
    """On site: a note, with photos if there are any."""
    report = access.case(actor, public_id)
    words = rules.required_text(text, field="text")
    check_step(report, "arrive", actor)
    with receive(photos, field="photos", claimed=claimed) as taken, transaction.atomic():
        attach(report, taken, "onsite")
        take_step(
            report, "arrive", actor=actor, by=_unit_name(report), text=words, changes=_answered(report), event=ARRIVED
        )
    return report


def resolve(
    *, actor: Actor, public_id: str, text: str, photos: Sequence[Upload], claimed: Sequence[object] = ()
) -> Report:
    """Say what was done, with at least one photo of it. Ends the unit's clock; it is not yet fixed."""
    report = access.case(actor, public_id)
    words = rules.required_text(text, field="text")
    check_step(report, "resolve", actor)
    if not photos:
        raise errors.NeedsAfterPhoto(field="photos")
    with receive(photos, field="photos", claimed=claimed) as taken, transaction.atomic():
        refuse_copies(digests_before(report, *SHOWN), taken, field="photos")
        attach(report, taken, "after")
        now = clock.now()
        due = verify_due(report, now)
        # A part is looked at with the whole, whose clock for that starts when the last part is done.
        changes = {"resolved_at": now, "verify_due": None if report.part_of_id else due, **_answered(report)}
        row = take_step(
            report, "resolve", actor=actor, by=_unit_name(report), text=words, changes=changes, event=RESOLVED
        )
        refuse_open_helpers(report)
        if report.part_of_id is not None:
            return report
        tell_many(
            [
                *news_told(report, "report.resolved", f"resolved:{row.pk}", unit=_unit_name(report)),
                *clerks_told(report, "report.resolved", f"resolved:{row.pk}", unit=_unit_name(report)),
            ]
        )
    return report


def _answered(report: Report) -> dict[str, Any]:
    return {} if report.answered_at else {"answered_at": clock.now()}


def _answering(report: Report, actor: Actor) -> str:
    """The unit that answers: the one that has it, or the one that is still in charge."""
    if report.charge and report.unit_id not in actor.organisation_ids(*access.UNIT_ROLES):
        return report.charge.name
    return _unit_name(report)


def _unit_name(report: Report) -> str:
    return report.unit.name if report.unit else ""


def refuse_open_helpers(report: Report) -> None:
    """HelpersOpen while somebody's part is not done. Asked after the step: whoever asks for help meanwhile waits for it."""
    waiting = Help.objects.filter(report=report, state="asked").order_by("id").values_list("unit__name", flat=True)
    if names := list(waiting):
        raise errors.HelpersOpen(units="、".join(names))


def attach(report: Report, taken: list[Received], role: str) -> None:
    now = clock.now()
    ReportPhoto.objects.bulk_create(
        ReportPhoto(report=report, evidence=row, role=role, position=index, by_reporter=False, at=now)
        for index, row in enumerate(keep(taken, owner_ref=report.ref))
    )
