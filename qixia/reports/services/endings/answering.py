"""The reporter has the last word: solved or not solved. An answer earns points once; "not solved" always reopens."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from qixia.jobs.registry import declare_event
from qixia.kernel import clock
from qixia.media.services import Upload, keep, receive
from qixia.people.access import Actor
from qixia.reports import access, rules
from qixia.reports.models import Report, ReportPhoto
from qixia.reports.sealing import REPORTER
from qixia.reports.services.endings.reopening import reopened_told, reopening
from qixia.reports.services.moves import check_step, take_step
from qixia.reports.services.telling import followers_told, tell_many
from qixia.rewards.services import award

FIXED = declare_event("reports.fixed")
REOPENED = declare_event("reports.reopened")


@transaction.atomic
def confirm_solved(*, actor: Actor, public_id: str) -> Report:
    """The reporter saw that it is fixed. Saying it twice is saying it once."""
    report = access.own_report(actor, public_id)
    if report.state == "fixed":
        return report
    row = take_step(report, "confirm", actor=actor, changes={"ended_at": clock.now(), "validity": "valid"}, event=FIXED)
    _thank(report, actor)
    tell_many(followers_told(report, "report.fixed", f"fixed:{row.pk}"))
    return report


def say_unsolved(
    *, actor: Actor, public_id: str, text: str, photos: Sequence[Upload] = (), claimed: Sequence[object] = ()
) -> Report:
    """The reporter saw that it is not fixed: back to the unit, and the clerk is told. Saying it twice is once."""
    report = access.own_report(actor, public_id)
    if report.state == "reopened":
        return report
    words = rules.clean_text(text, field="text", limit=rules.NOTE_MAX)
    check_step(report, "dispute", actor)
    with receive(photos, field="photos", claimed=claimed) as taken, transaction.atomic():
        now = clock.now()
        ReportPhoto.objects.bulk_create(
            ReportPhoto(report=report, evidence=row, role="before", position=index, at=now)
            for index, row in enumerate(keep(taken, owner_ref=report.ref))
        )
        row = take_step(report, "dispute", actor=actor, text=words, changes=reopening(), event=REOPENED)
        told = reopened_told(report, f"reopened:{row.pk}")
        _thank(report, actor)
        tell_many(told)
    return report


def _thank(report: Report, actor: Actor) -> None:
    award(
        beneficiary=actor.ref,
        rule="confirm",
        source=report.ref,
        act="reports.confirmed",
        actor=REPORTER,
        note_params={"number": report.number, "place": report.place, "link": f"/r/{report.public_id}/"},
    )
