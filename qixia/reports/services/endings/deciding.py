"""Valid or not, or none of the city's business: a fact with a reason, apart from closed and from fixed.

Truth    at most one Decision of a report stands; the words are in its history. Counted from here (queries/figures.py).
Reasons  slugs of the policy "reports.decisions"; UnknownReason otherwise.
"""

from __future__ import annotations

from django.db import transaction

from qixia.jobs.registry import declare_event
from qixia.kernel import clock
from qixia.people.access import Actor
from qixia.policy.queries import current
from qixia.reports import access, errors, rules
from qixia.reports.models import Decision, Report
from qixia.reports.services.moves import take_step
from qixia.reports.services.telling import news_told, tell_many

SET_ASIDE = declare_event("reports.set_aside")


def note_decision(report: Report, verdict: str, reason: str, actor: Actor) -> Decision:
    """Write down what was decided, in the caller's transaction; what was decided before stands no longer."""
    check_reason(verdict, reason)
    Decision.objects.filter(report=report, standing=True).update(standing=False)
    return Decision.objects.create(report=report, verdict=verdict, reason=reason, at=clock.now(), actor=actor.ref)


def check_reason(verdict: str, reason: str) -> str:
    """The title of a reason of the policy, or UnknownReason."""
    found: str | None = current("reports.decisions").data.reasons(verdict).get(reason)
    if found is None:
        raise errors.UnknownReason(field="ground")
    return found


@transaction.atomic
def set_aside(*, actor: Actor, public_id: str, kind: str, reason: str) -> Report:
    """Not the city's to act on: ends the report with a kind from the policy and a reason that everybody may read. It is
    neither invalid nor done, and counted apart; points stay."""
    report = access.case(actor, public_id)
    title = check_reason("aside", kind)
    words = rules.required_text(reason, field="text")
    take_step(
        report,
        "set_aside",
        actor=actor,
        text=f"{title}：{words}",
        changes={"ended_at": clock.now()},
        data={"kind": kind},
        event=SET_ASIDE,
    )
    note_decision(report, "aside", kind, actor)
    tell_many(news_told(report, "report.set_aside", "aside", text=words[:60]))
    return report
