"""The clocks of a case in words, what a supervisor sees to, and filters for lists.

Filters  `late(3)` and `late()` are conditions on Report for any list; the partial index reports_overdue serves them.
         `near_answer(now)`: no answer yet, and the 24 hours end soon or have ended.
Views    hold no more than the case page of the same reader shows; nothing names a reporter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from qixia.kernel import clock
from qixia.kernel.worktime import span
from qixia.people.access import Actor
from qixia.policy.queries import current
from qixia.reports import access, clocks, states
from qixia.reports.models import Appeal, ClockPause, Extension, Report
from qixia.reports.queries.counting import counted
from qixia.reports.queries.pauses import pause_ends
from qixia.reports.queries.shared import ClockView, clock_of, show_limit, show_span, title_of

NEAR_ANSWER = timedelta(hours=6)
SHOWN = 20
ACTS = ("answer_for", "pause", "resume", "ask_extension", "grant_extension", "deny_extension")


def late(times: int = 1) -> Q:
    """What is over its limit, or (3) over three times its limit."""
    return Q(overdue__gte=3 if times == 3 else 1)


def near_answer(now: datetime) -> Q:
    return Q(answered_at=None, state__in=states.OPEN, answer_due__lt=now + NEAR_ANSWER)


@dataclass(frozen=True, slots=True)
class Asked:
    """An extension that a unit asked for."""

    length: str
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ClockPanel:
    """What the case page says and offers beside the four clocks."""

    captured_at: datetime | None
    received_at: datetime
    paused_since: datetime | None
    paused_why: str
    asked: Asked | None
    acts: list[str]
    reasons: list[tuple[str, str]]
    most: str  # the longest extension that may be asked for


def clock_panel(report: Report, steps: Iterable[str]) -> ClockPanel:
    """At most two queries, and none for a case that nobody paused or asked about."""
    limits = current("reports.limits").data
    reasons = clocks.reason_words(limits.pauses, get_language() or "")
    pause = ClockPause.objects.filter(report=report, ended_at=None).first() if report.paused_at else None
    asked = Extension.objects.filter(report=report, granted=None).first() if report.state in states.WITH_UNIT else None
    return ClockPanel(
        captured_at=report.captured_at,
        received_at=report.received_at,
        paused_since=report.paused_at,
        paused_why=reasons.get(pause.reason, pause.reason) if pause else "",
        asked=_asked(asked) if asked else None,
        acts=[name for name in steps if name in ACTS and _is_open(name, report, asked)],
        reasons=list(reasons.items()),
        most=show_limit(span(limits.extension_max)),
    )


def pause_reasons() -> list[tuple[str, str]]:
    """What a clock may stand still for, in the reader's language."""
    return list(clocks.reason_words(current("reports.limits").data.pauses, get_language() or "").items())


def _asked(row: Extension) -> Asked:
    return Asked(show_limit(span(row.span)), row.reason, row.by, row.asked_at)


def _is_open(name: str, report: Report, asked: Extension | None) -> bool:
    return {
        "answer_for": report.answered_at is None,
        "pause": report.paused_at is None,
        "resume": report.paused_at is not None,
        "ask_extension": asked is None,
    }.get(name, asked is not None)


# ── what a supervisor sees to ─────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Line:
    """One case of a list on the supervisor's page."""

    public_id: str
    number: str
    title: str
    place: str
    severity: str
    state_label: str
    state_key: str
    unit: str
    clock: ClockView | None
    note: str


@dataclass(frozen=True, slots=True)
class Matter:
    """One list: what it is, how many, the most pressing of them, and where the rest is."""

    key: str
    title: str
    why: str
    total: int
    lines: list[Line]


def supervision(actor: Actor) -> list[Matter]:
    """What waits for a supervisor, the most pressing first. Two queries a list, whatever its length, and two for what stands
    still."""
    now, cases = clock.now(), access.cases(actor)
    asked = {row.report_id: row for row in Extension.objects.filter(granted=None, report__in=cases)[:200]}
    stopped = ClockPause.objects.filter(ended_at=None, report__in=cases).order_by("started_at", "pk")
    paused = {row.report_id: row for row in stopped.select_related("report")[:200]}
    ends = pause_ends(row.report for row in paused.values())
    unanswered = cases.filter(near_answer(now)).order_by("answer_due", "pk")
    appealed = cases.filter(pk__in=Appeal.objects.filter(state="open").values("report")).order_by("pk")
    found = [
        _matter(
            "thrice",
            _("超 3 倍时限"),
            _("时限过了三倍还没办完"),
            cases.filter(late(3)).order_by("resolve_due", "pk"),
            now,
        ),
        _matter(
            "answer",
            _("快到 24 小时没答复"),
            _("24 小时内要有人答复，这个时限不停"),
            unanswered,
            now,
            _answer_note(now),
        ),
        _matter("over", _("已超时"), "", cases.filter(overdue=1).order_by("resolve_due", "pk"), now),
        _matter(
            "extension",
            _("申请延期"),
            _("同意或不同意，都要写明"),
            cases.filter(pk__in=list(asked)).order_by("resolve_due", "pk"),
            now,
            lambda report: (
                _("延 %(span)s：%(why)s")
                % {"span": _asked(asked[report.pk]).length, "why": asked[report.pk].reason[:60]}
            ),
        ),
        _matter(
            "returned",
            _("等决定由谁办"),
            _("退回后有异议，或没人认领"),
            cases.filter(state="returned").order_by("resolve_due", "pk"),
            now,
        ),
        _matter(
            "paused",
            _("暂停计时"),
            _("停得最久的在前；到了最长时间会自动恢复"),
            cases.filter(pk__in=list(paused)).order_by("paused_at", "pk"),
            now,
            lambda report: _paused_note(report, paused[report.pk].reason, ends.get(report.pk)),
        ),
        _matter("appeal", _("申诉"), _("上报人不同意认定"), appealed, now),
    ]
    return found


def _matter(key: str, title: str, why: str, rows: QuerySet[Report], now: datetime, note: object = None) -> Matter:
    shown = list(rows.select_related("unit")[:SHOWN])
    total = len(shown) if len(shown) < SHOWN else counted({key: rows})[key]
    return Matter(key, title, why, total, [_line(report, now, note) for report in shown])


def _answer_note(now: datetime) -> object:
    def note(report: Report) -> str:
        left = report.answer_due - now
        text = _("答复还剩 %(span)s") if left > timedelta() else _("答复超了 %(span)s")
        return text % {"span": show_span(left)}

    return note


def _paused_note(report: Report, reason: str, end: datetime | None) -> str:
    limits = current("reports.limits").data
    why = clocks.reason_words(limits.pauses, get_language() or "").get(reason, reason)
    if report.paused_at is None or end is None:
        return why
    return _("%(why)s，%(since)s 起，最迟 %(end)s 恢复") % {
        "why": why,
        "since": f"{clock.city_time(report.paused_at):%m-%d %H:%M}",
        "end": f"{clock.city_time(end):%m-%d %H:%M}",
    }


def _line(report: Report, now: datetime, note: object) -> Line:
    label, _mine, key = states.LABELS[report.state]
    return Line(
        public_id=report.public_id,
        number=report.number,
        title=title_of(report),
        place=report.place,
        severity=report.severity or "normal",
        state_label=_(label),
        state_key=key,
        unit=report.unit.name if report.unit else "",
        clock=clock_of(report, now),
        note=note(report) if callable(note) else "",
    )


def supervision_count(actor: Actor) -> int:
    """How much is urgent: thrice over, or an answer that is due within hours. One query."""
    return counted({"urgent": access.cases(actor).filter(late(3) | near_answer(clock.now()))})["urgent"]
