"""What comes after: for the reporter whether to rate or appeal; for staff what was decided, appealed and looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from qixia.codes.queries import class_name
from qixia.kernel import clock
from qixia.kernel.errors import NotFound
from qixia.offers.queries import live_on
from qixia.people.access import Actor
from qixia.policy.queries import current
from qixia.reports import access, states
from qixia.reports.models import Appeal, Decision, Rating, Report, ReportStep, Witness
from qixia.reports.policy import Decisions
from qixia.reports.queries.shared import title_of

# Steps of a case that reports/case/aftermath.html draws.
STEPS = ("inspect", "set_aside", "grant_appeal", "deny_appeal")
_APPEALED = {"open": "申诉等督办决定", "granted": "申诉成立", "denied": "申诉后维持认定"}
LIST = 50


@dataclass(frozen=True, slots=True)
class RiderAftermath:
    """`facts` are what the server knows of the first two answers; the reporter may say otherwise."""

    public_id: str
    can_rate: bool
    can_appeal: bool
    appeal_until: date | None
    appealed: str
    decision: str
    was_answered: bool
    is_fixed: bool


@dataclass(frozen=True, slots=True)
class CaseAftermath:
    public_id: str
    steps: list[str]
    decision: str
    decided_at: datetime | None
    appealed: str
    looks: int
    is_offered: bool
    valid_reasons: dict[str, str] = field(default_factory=dict)
    invalid_reasons: dict[str, str] = field(default_factory=dict)
    aside_kinds: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AppealRow:
    public_id: str
    number: str
    title: str
    place: str
    decision: str
    why: str  # what whoever decided said
    said: str  # what the reporter says against it
    at: datetime


def rider_aftermath(actor: Actor, public_id: str) -> RiderAftermath:
    """For the own report. NotFound for anybody else's."""
    report = access.own_report(actor, public_id)
    decision = _standing(report)
    appealed = Appeal.objects.filter(report=report).values_list("state", flat=True).first()
    policy: Decisions = current("reports.decisions").data
    until = decision.at + timedelta(days=policy.appeal_days) if decision else None
    may_appeal = states.allowed("appeal", report.state) and appealed is None
    return RiderAftermath(
        public_id=report.public_id,
        can_rate=states.allowed("rate", report.state)
        and not Rating.objects.filter(report=report, ended=report.reopened).exists(),
        can_appeal=may_appeal and (until is None or until > clock.now()),
        appeal_until=clock.city_date(until) if until else None,
        appealed=_(_APPEALED[appealed]) if appealed else "",
        decision=_said(decision, policy),
        was_answered=report.answered_at is not None,
        is_fixed=report.state == "fixed",
    )


def export_of_looks(actor: Actor) -> list[dict[str, Any]]:
    """Where the actor went to look for others, as plain data. Neither numbers nor places: those are of others."""
    rows = (
        access.own_witnesses(actor).order_by("-pk").values_list("day", "report__cls", "fixed", "distance_m", "points")
    )
    return [
        {"day": day, "title": class_name(cls), "fixed": fixed, "distance_m": metres, "points": points}
        for day, cls, fixed, metres, points in rows
    ]


def case_aftermath(actor: Actor, public_id: str) -> CaseAftermath | None:
    """For staff; None for a case that the actor does not see."""
    try:
        report = access.case(actor, public_id)
    except NotFound:
        return None
    parties = access.parties(actor, report) - {"rider"}
    policy: Decisions = current("reports.decisions").data
    # A list shows one case beside it: what can't be there yet is not asked for.
    decision = _standing(report) if report.validity != "undecided" or report.state == "aside" else None
    was_decided = decision is not None or report.sorted_by_person or report.state in states.ENDED
    appeals = Appeal.objects.filter(report=report).values_list("state", flat=True)
    appealed = appeals.first() if was_decided else None
    was_done = report.resolved_at is not None or report.reopened > 0 or report.state in states.DONE
    may = set(states.steps_from(report.state, *parties)) & set(STEPS)
    if appealed != "open" or (decision and decision.actor == actor.ref):
        may -= {"grant_appeal", "deny_appeal"}
    is_clerk = "clerk" in parties
    return CaseAftermath(
        public_id=report.public_id,
        steps=[name for name in STEPS if name in may],
        decision=_said(decision, policy),
        decided_at=decision.at if decision else None,
        appealed=_(_APPEALED[appealed]) if appealed else "",
        looks=Witness.objects.filter(report=report).count() if was_done else 0,
        is_offered=is_clerk and was_done and report.ref in live_on([report.ref]),
        valid_reasons=_named(policy.valid) if is_clerk else {},
        invalid_reasons=_named(policy.invalid) if is_clerk else {},
        aside_kinds=_named(policy.aside) if is_clerk else {},
    )


def open_appeals(actor: Actor) -> list[AppealRow]:
    """Appeals that the actor may decide, the oldest first. Three queries."""
    mine = access.cases(actor) if actor.has("admin", *access.SUPERVISOR_ROLES) else Report.objects.none()
    rows = Appeal.objects.filter(state="open", report__in=mine).select_related("report").order_by("id")[:LIST]
    found, policy = list(rows), current("reports.decisions").data
    decided = {
        row.report_id: row
        for row in Decision.objects.filter(report__in=[one.report_id for one in found], standing=True)
    }
    words = _last_words([one.report_id for one in found])
    return [
        AppealRow(
            public_id=row.report.public_id,
            number=row.report.number,
            title=title_of(row.report),
            place=row.report.place,
            decision=_said(decided.get(row.report_id), policy),
            why=words.get((row.report_id, "decided"), ""),
            said=words.get((row.report_id, "appeal"), ""),
            at=row.at,
        )
        for row in found
    ]


def _last_words(report_ids: list[int]) -> dict[tuple[int, str], str]:
    """What was said last of each report when it was decided, and when that was appealed against."""
    if not report_ids:
        return {}
    steps = ReportStep.objects.filter(report__in=report_ids, step__in=("reject", "set_aside", "appeal"))
    rows = steps.order_by("id").values_list("report_id", "step", "text")
    return {(report, "appeal" if step == "appeal" else "decided"): text for report, step, text in rows}


def open_appeals_count(actor: Actor) -> int:
    if not actor.has("admin", *access.SUPERVISOR_ROLES):
        return 0
    return Appeal.objects.filter(state="open", report__in=access.cases(actor)).count()


def _standing(report: Report) -> Decision | None:
    return Decision.objects.filter(report=report, standing=True).first()


def _said(decision: Decision | None, policy: Decisions) -> str:
    if decision is None:
        return ""
    heads = {"valid": _("属实"), "invalid": _("不属实"), "aside": _("不予受理")}
    reason = policy.reasons(decision.verdict).get(decision.reason, decision.reason)
    return f"{heads[decision.verdict]} · {_(reason)}"


def _named(reasons: dict[str, str]) -> dict[str, str]:
    return {slug: _(title) for slug, title in reasons.items()}
