"""Clocks that stand still, run longer, or are answered by somebody else than the unit.

Pause    a clerk or supervisor lets the clock of resolving or verifying stand still, for a reason of the policy's list, and
         lets it go on. The limit moves by exactly the time that it stood still, counted as the limit counts. The nearest
         supervisors are told; what was late stays late; after the day that was named, or the time of the policy, the clock
         goes on by itself. What the policy grants is for all pauses of a round together (queries/pauses.py).
Longer   the unit asks for an extension, the supervisor decides. One request at a time, only so many granted, only so long.
Answer   the first answer pauses for nothing. Where the unit is silent a clerk or supervisor answers in its place.
Refused  nothing has changed.
"""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction

from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.kernel.worktime import Span, span
from qixia.people.access import Actor
from qixia.policy.queries import current, working_calendar
from qixia.reports import access, clocks, errors, rules
from qixia.reports.models import ClockPause, Extension, Report
from qixia.reports.policy import Limits
from qixia.reports.queries.pauses import pause_end
from qixia.reports.services.clocks.clocking import changed, unpaused
from qixia.reports.services.moves import check_step, note_step, take_step
from qixia.reports.services.telling import news_told, supervisors_told, tell_many, unit_told
from qixia.reports.services.units.handling import ANSWERED


@transaction.atomic
def pause(*, actor: Actor, public_id: str, reason: str, text: str = "", until: date | None = None) -> Report:
    """Let the clock that runs stand still. `reason` is a key of the policy's list; `until` the last day of it."""
    report = access.case(actor, public_id)
    words = rules.clean_text(text, field="text", limit=rules.NOTE_MAX)
    check_step(report, "pause", actor)
    now = clock.now()
    end = pause_given(reason, until, now)
    if report.paused_at is not None:
        raise errors.AlreadyPaused
    if pause_end(changed(report, {"paused_at": now, "pause_until": None})) in (None, now):
        raise errors.NoMorePauses(most=_limits().pause_max)
    # The row first: of two who pause at once one meets its constraint, or the column that the other has set.
    changes = {"paused_at": now, "pause_until": end, "shifted": True}
    data = {"reason": reason} | ({"until": until.isoformat()} if until else {})
    row = take_step(report, "pause", actor=actor, text=words, changes=changes, data=data, seen={"paused_at": None})
    which = "verify" if report.state in clocks.VERIFYING else "resolve"
    ClockPause.objects.create(report=report, clock=which, started_at=now, reason=reason)
    key, text = f"paused:{row.pk}", words[:60]
    told = unit_told(report, "clock.paused", key, text=text) + supervisors_told(report, "clock.paused", key, text=text)
    tell_many(one for one in told if one.person_id != actor.person_id)
    return report


def pause_given(reason: str, until: date | None, now: datetime) -> datetime | None:
    """When such a pause would end; Invalid for a reason or a day that none can have."""
    limits = _limits()
    if reason not in {one.key for one in limits.pauses}:
        raise Invalid("请选一个暂停的理由。", field="reason")
    if until is None:
        return None
    longest = working_calendar().work.add(now, span(limits.pause_max))
    last = clock.city_date(longest)
    if not clock.city_date(now) <= until <= last:
        raise Invalid("请选今天到 %(last)s 之间的一天。", field="until", last=last.isoformat())
    return clock.city_day(until)[1]


@transaction.atomic
def resume(*, actor: Actor, public_id: str, text: str = "") -> Report:
    """Let the clock go on, as far from its end as it was."""
    report = access.case(actor, public_id)
    words = rules.clean_text(text, field="text", limit=rules.NOTE_MAX)
    check_step(report, "resume", actor)
    if report.paused_at is None:
        raise errors.NotPaused
    seen = {"paused_at": report.paused_at}
    row = take_step(report, "resume", actor=actor, text=words, changes=unpaused(report, clock.now()), seen=seen)
    tell_many(unit_told(report, "clock.resumed", f"resumed:{row.pk}"))
    return report


def run_on(report: Report, now: datetime, *, actor: Actor) -> None:
    """Let a clock go on that has stood still for as long as it may, as of then, in the caller's transaction."""
    end = pause_end(report)
    if end is None or end > now:
        return
    columns = unpaused(report, end)
    Report.objects.filter(pk=report.pk).update(**columns)
    for name, value in columns.items():
        setattr(report, name, value)
    row = note_step(report, "resume", before=report.state, after=report.state, actor=actor.ref, data={"ended": "limit"})
    key = f"resumed:{row.pk}"
    tell_many(unit_told(report, "clock.resumed", key) + supervisors_told(report, "clock.resumed", key))


@transaction.atomic
def ask_extension(*, actor: Actor, public_id: str, length: str, reason: str) -> Report:
    """Ask the supervisor for more time to resolve: "2 工作日", "24h"."""
    report = access.case(actor, public_id)
    words = rules.required_text(reason, field="text")
    check_step(report, "ask_extension", actor)
    wanted, limits = _span(length), _limits()
    if report.resolve_due is None or _longer(report, wanted, span(limits.extension_max)):
        raise Invalid("一次最多申请 %(most)s。", field="length", most=limits.extension_max)
    rows = Extension.objects.filter(report=report)
    if rows.filter(granted=None).exists():
        raise errors.ExtensionWaits
    if rows.filter(granted=True, round__gte=_first_round(report)).count() >= limits.extensions:
        raise errors.NoMoreExtensions
    unit = report.unit.name if report.unit else ""
    data = {"length": str(wanted)}
    row = take_step(report, "ask_extension", actor=actor, by=unit, text=words, data=data)
    now = clock.now()
    Extension.objects.create(
        report=report, asked_at=now, span=str(wanted), reason=words, by=unit[:80], round=report.clock_round
    )
    told = supervisors_told(report, "extension.asked", f"extension:{row.pk}", unit=unit, text=words[:60])
    tell_many(told)
    return report


@transaction.atomic
def decide_extension(*, actor: Actor, public_id: str, grant: bool, text: str) -> Report:
    """Grant or refuse what the unit asked for; a refusal says why."""
    report = access.case(actor, public_id)
    words = rules.clean_text(text, field="text", limit=rules.NOTE_MAX)
    step = "grant_extension" if grant else "deny_extension"
    check_step(report, step, actor)
    if not grant and not words:
        raise Invalid("请写明为什么不同意。", field="text")
    asked = Extension.objects.select_for_update().filter(report=report, granted=None).first()
    if asked is None or report.resolve_due is None:
        raise errors.NothingAsked
    changes, now = {}, clock.now()
    if grant:
        due = working_calendar().work.add(report.resolve_due, span(asked.span))
        # Longer, so it reminds anew; never restarted.
        changes = {"resolve_due": due, "clock_round": report.clock_round + 1, "shifted": True}
    seen = {"resolve_due": report.resolve_due, "clock_round": report.clock_round}
    data = {"length": asked.span}
    row = take_step(report, step, actor=actor, text=words, changes=changes, data=data, seen=seen)
    Extension.objects.filter(pk=asked.pk).update(granted=grant, decided_at=now, answer=words)
    template = "extension.granted" if grant else "extension.denied"
    tell_many(unit_told(report, template, f"extension:{row.pk}", text=words[:60]))
    return report


@transaction.atomic
def answer_for(*, actor: Actor, public_id: str, text: str) -> Report:
    """Answer the reporter in the unit's place. The first answer stops the clock of 24 hours, whoever gives it."""
    report = access.case(actor, public_id)
    words = rules.required_text(text, field="text")
    by = actor.organisation_name
    row = take_step(report, "answer_for", actor=actor, by=by, text=words, event=ANSWERED)
    asked = report.part_of or report
    tell_many(news_told(asked, "report.answered", f"answered:{row.pk}", unit=by, text=words[:60]))
    return report


def _limits() -> Limits:
    data: Limits = current("reports.limits").data
    return data


def _span(text: str) -> Span:
    try:
        return span(text)
    except ValueError as error:
        raise Invalid("请写清延多久，例如 2 工作日、24h。", field="length") from error


def _longer(report: Report, wanted: Span, most: Span) -> bool:
    calendar = working_calendar().work
    return report.resolve_due is not None and calendar.add(report.resolve_due, wanted) > calendar.add(
        report.resolve_due, most
    )


def _first_round(report: Report) -> int:
    """Extensions of before a reopening do not count: the clock started anew then."""
    if report.resolve_from is None:
        return 0
    before = Extension.objects.filter(report=report, asked_at__lt=report.resolve_from).order_by("-round").first()
    return before.round + 1 if before else 0
