"""The reporter says that a decision is wrong: once a report, within the policy's days; a supervisor decides, with a reason.

Granted  the report goes back to a clerk's sorting as if nothing had been decided; points that were taken back are paid again,
         also to whose reports are merged into it, and with a later batch to those who support it.
Secrecy  as every act of a reporter: history says "reporter" or "anonymous". Who has an anonymous report's secret may
         appeal too.
Judge    never whoever made the decision.
Retries  appealing twice is AppealedBefore; of two who decide at once one is NoAppeal.
"""

from __future__ import annotations

import secrets as chance
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q

from qixia.audit.services import record
from qixia.jobs.registry import declare_event
from qixia.kernel import clock
from qixia.kernel.faults import kill_point
from qixia.kernel.requests import without_request_id
from qixia.people.access import Actor
from qixia.policy.queries import current
from qixia.reports import access, errors, rules
from qixia.reports.models import Appeal, Decision, Report, Support
from qixia.reports.services.duplicates.seeking import remember_again
from qixia.reports.services.endings.reopening import supervisors_told
from qixia.reports.services.moves import check_step, group_refs, take_step
from qixia.reports.services.telling import news_told, reporter_told, tell_many
from qixia.rewards.queries import points_of, waiting_of
from qixia.rewards.services import restore

APPEALED = declare_event("reports.appealed")
GRANTED = declare_event("reports.appeal_granted")
_DECIDING = ("reject", "set_aside")
LOOKED_BACK = timedelta(days=60)  # appeals that a batch looks at


@transaction.atomic
def appeal(*, actor: Actor, public_id: str, text: str) -> Report:
    """The reporter appeals, and says why."""
    report = access.own_report(actor, public_id)
    _appeal(report, actor, text)
    return report


@transaction.atomic
def appeal_anonymously(*, secret: str, text: str) -> None:
    """Whoever holds the secret of an anonymous report appeals."""
    holder, report = access.of_secret(secret)
    with without_request_id():
        _appeal(report, holder, text)


def _appeal(report: Report, actor: Actor, text: str) -> None:
    words = rules.required_text(text, field="text")
    check_step(report, "appeal", actor)
    days = current("reports.decisions").data.appeal_days
    decided = Decision.objects.filter(report=report, standing=True).values_list("at", flat=True).first()
    if (decided or report.ended_at or clock.now()) < clock.now() - timedelta(days=days):
        raise errors.TooLateToAppeal(days=days)
    try:
        with transaction.atomic():
            Appeal.objects.create(report=report, at=clock.now())
    except IntegrityError as error:
        raise errors.AppealedBefore from error
    row = take_step(report, "appeal", actor=actor, text=words, event=APPEALED)
    tell_many(supervisors_told(report, "supervisor.appeal", f"appeal:{row.pk}", up=1))


@transaction.atomic
def grant_appeal(*, actor: Actor, public_id: str, text: str) -> Report:
    """The reporter was right: back to sorting, with the points."""
    report = access.case(actor, public_id)
    words = rules.required_text(text, field="text")
    check_step(report, "grant_appeal", actor)
    _decide(report, "granted", actor)
    decided_at = report.ended_at
    Decision.objects.filter(report=report, standing=True).update(standing=False)
    nothing = {"ended_at": None, "resolved_at": None, "verified_at": None, "verify_due": None, "assignee_id": None}
    changes = {"validity": "undecided", **nothing}
    take_step(report, "grant_appeal", actor=actor, text=words, changes=changes, event=GRANTED)
    remember_again(report)
    restore(source=report.ref, also=group_refs(report)[1:], reason=words, actor=actor.ref, since=decided_at)
    tell_many(news_told(report, "report.appeal_granted", "appeal-granted", text=words[:60]))
    kill_point("appeal.granted")
    return report


@transaction.atomic
def deny_appeal(*, actor: Actor, public_id: str, reason: str) -> Report:
    """The decision stands; the reporter is told why."""
    report = access.case(actor, public_id)
    words = rules.required_text(reason, field="text")
    check_step(report, "deny_appeal", actor)
    _decide(report, "denied", actor)
    take_step(report, "deny_appeal", actor=actor, text=words)
    tell_many(reporter_told(report, "report.appeal_denied", "appeal-denied", text=words[:60]))
    return report


@transaction.atomic
def restore_supports() -> int:
    """Give back, with a day's batch, what supporters lost by decisions that were found wrong since. Returns how many.

    Not when the appeal is granted: a posting of that moment would tell which report its rider supports."""
    now = clock.now()
    granted = Appeal.objects.filter(state="granted", decided_at__gte=now - LOOKED_BACK).exclude(report__state="invalid")
    group = Q(report__appeal__in=granted) | Q(report__merged_into__appeal__in=granted)
    rows = list(Support.objects.filter(group, points=0, link__isnull=False).order_by("pk"))
    if not rows:
        return 0
    chance.SystemRandom().shuffle(rows)
    sources = [f"support:{row.public_id}" for row in rows]
    with clock.at(now), without_request_id():
        made = restore(source=sources[0], also=sources[1:], reason="申诉成立", actor="system:settle")
    if made:
        earned, waits = points_of(sources), waiting_of(sources)
        for row in rows:
            source = f"support:{row.public_id}"
            row.points = max(earned.get(source, 0), 0) or waits.get(source, 0)
        Support.objects.bulk_update(rows, ["points"])  # else nothing could take them back again
        kill_point("appeal.restored")
        record("reports.supports_restored", subject="reports", actor="system:settle", count=len(made))
    return len(made)


def _decide(report: Report, state: str, actor: Actor) -> None:
    """NotYours for whoever made the decision that is appealed, or for whom it was made: nobody judges the own word, nor
    does a deputy for somebody who may not."""
    if access.took(actor, report, "supervisor", *_DECIDING):
        raise errors.NotYours
    open_one = Appeal.objects.filter(report=report, state="open")
    if not open_one.update(state=state, decided_at=clock.now(), decided_by=actor.ref):
        raise errors.NoAppeal
