"""What all views of reports need: pictures, clocks, timeline lines. No view holds a model object."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext as _

from qixia.codes.queries import class_name
from qixia.codes.rules import SEVERITY_LABELS
from qixia.kernel import clock
from qixia.kernel.worktime import Span, span
from qixia.media.access import picture_url
from qixia.policy.queries import current
from qixia.reports import rules, states
from qixia.reports.clocks import RESOLVING, VERIFYING
from qixia.reports.models import Report, ReportPhoto, ReportStep
from qixia.reports.policy import MeasureKind
from qixia.reports.sealing import IMPORTED


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo as a page shows it: addresses made for the viewer."""

    public_id: str
    url: str
    full_url: str
    thumb_url: str
    caption: str
    state: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ClockView:
    """The limit that matters now. `kind`: ok, soon, over, kept, pause. `short` is for a column that says 剩余时间."""

    kind: str
    text: str
    short: str
    fraction: float
    due: datetime


@dataclass(frozen=True, slots=True)
class ClockCell:
    label: str
    value: str
    limit: str
    kind: str


@dataclass(frozen=True, slots=True)
class TimelineItem:
    icon: str
    tone: str
    title: str
    at: datetime
    text: str
    quote_by: str | None = None
    private: bool = False


# step → (icon, tone of the timeline)
_LOOKS: dict[str, tuple[str, str]] = {
    "raise": ("camera", ""),
    "settle": ("route", "doing"),
    "settle_handled": ("hand-stop", "doing"),
    "doubt": ("users", ""),
    "sort": ("route", "doing"),
    "sort_handled": ("hand-stop", "doing"),
    "redirect": ("route", "doing"),
    "object": ("arrow-back-up", ""),
    "refer": ("arrow-back-up", ""),
    "decide": ("flag", "doing"),
    "deliver": ("users", "good"),
    "ask_help": ("users", "doing"),
    "help": ("message-2", "doing"),
    "help_done": ("check", "good"),
    "waive_help": ("x", ""),
    "promise": ("calendar-event", "doing"),
    "cut": ("route", "doing"),
    "split": ("users", "doing"),
    "gather": ("check", "good"),
    "scatter": ("arrow-back-up", ""),
    "unsplit": ("arrow-back-up", ""),
    "file_part": ("file-text", ""),
    "accept": ("checks", "doing"),
    "assign": ("user", "doing"),
    "answer": ("message-2", "doing"),
    "arrive": ("traffic-cone", "doing"),
    "resolve": ("check", "good"),
    "return": ("arrow-back-up", ""),
    "verify": ("eye-check", "good"),
    "verify_handled": ("eye-check", "good"),
    "send_back": ("arrow-back-up", ""),
    "inspect": ("map-search", "doing"),
    "validate": ("check", "good"),
    "set_aside": ("archive", ""),
    "appeal": ("gavel", ""),
    "grant_appeal": ("gavel", "good"),
    "deny_appeal": ("gavel", ""),
    "rate": ("star", ""),
    "measure": ("gavel", "doing"),
    "measure_result": ("gavel", ""),
    "praise": ("award", "good"),
    "witness_fixed": ("eye-check", "good"),
    "witness_unfixed": ("eye-x", ""),
    "reject": ("x", ""),
    "confirm": ("check", "good"),
    "dispute": ("refresh", ""),
    "close": ("file-text", ""),
    "answer_for": ("message-2", "doing"),
    "pause": ("player-pause", ""),
    "resume": ("clock", ""),
    "ask_extension": ("clock", ""),
    "grant_extension": ("clock", "doing"),
    "deny_extension": ("clock", ""),
    "escalate": ("alert-triangle", ""),
    "recalculate": ("calendar", ""),
    "mention": ("message-2", ""),
    "acknowledge": ("bell", "doing"),
    "transfer": ("phone-call", "doing"),
    "settle_merged": ("git-merge", "doing"),
    "merge": ("git-merge", "doing"),
    "unmerge": ("arrow-back-up", ""),
    "absorb": ("users", ""),
    "release": ("arrow-back-up", ""),
}


# Words between units; riders read which units it went to, not what they say of each other.
_AMONG_STAFF = ("redirect", "return", "object", "refer", "decide", "split", "cut", "ask_help", "waive_help")
_SAID_BY_UNITS = ("answer", "arrive", "inspect", "resolve", "help", "help_done", "promise", "praise")
# By whether who is looked at knew of the visit; the reporter reads the last.
_INSPECTED: dict[bool | None, str] = {
    True: gettext_noop("单位事先通知后到现场核查，离上报的地点约 %(m)d 米"),
    False: gettext_noop("单位突击检查，离上报的地点约 %(m)d 米"),
    None: gettext_noop("单位到现场核查，离上报的地点约 %(m)d 米"),
}
# How the steps between units read with the unit's name.
_WAYS = {
    "return": gettext_noop("转给%(unit)s办"),
    "object": gettext_noop("%(unit)s有异议，等督办决定"),
    "refer": gettext_noop("%(unit)s说不归它办，等督办决定"),
    "decide": gettext_noop("督办决定由%(unit)s办"),
    "ask_help": gettext_noop("请%(unit)s协办"),
    "help": gettext_noop("%(unit)s补充了协办情况"),
    "help_done": gettext_noop("%(unit)s办完了协办的部分"),
    "waive_help": gettext_noop("不再需要%(unit)s协办"),
}


def is_sensitive(report: Report) -> bool:
    """Whether other riders may know no more of it than the square of the map (policy "reports.secrecy")."""
    return rules.is_sensitive(
        current("reports.secrecy").data.sensitive,
        cls=report.cls,
        runner_up=report.runner_up,
        state=report.state,
        sorted_by_person=report.sorted_by_person,
    )


def title_of(report: Report) -> str:
    """The class once it is known, else the rider's first words."""
    if report.cls and report.state not in ("received",):
        return class_name(report.cls)
    words = report.words.split("\n", 1)[0][:20]
    return words or _("刚收到的上报")


def pictures_of(report_ids: Iterable[int], viewer_ref: str) -> dict[int, dict[str, list[Picture]]]:
    """Report → role → its pictures, for one viewer. One query."""
    rows = (
        ReportPhoto.objects.filter(report_id__in=list(report_ids))
        .order_by("report_id", "id")
        .values_list("report_id", "role", "at", "evidence__public_id", "evidence__state")
    )
    found: dict[int, dict[str, list[Picture]]] = defaultdict(lambda: defaultdict(list))
    captions = {"before": _("整改前"), "onsite": _("现场"), "after": _("整改后"), "later": _("骑手复核")}
    for report_id, role, at, evidence, state in rows:
        found[report_id][role].append(
            Picture(
                public_id=evidence,
                url=picture_url(evidence, "phone", viewer_ref, state=state),
                full_url=picture_url(evidence, "full", viewer_ref, state=state),
                thumb_url=picture_url(evidence, "thumb", viewer_ref, state=state),
                caption=f"{captions[role]} {clock.city_time(at):%H:%M}",
                state=state,
                at=at,
            )
        )
    return found


def thumbs_of(report_ids: Iterable[int], viewer_ref: str) -> dict[int, str]:
    """Report → address of its first picture, small. One query."""
    rows = (
        ReportPhoto.objects.filter(report_id__in=list(report_ids), role="before")
        .order_by("report_id", "id")
        .values_list("report_id", "evidence__public_id", "evidence__state")
    )
    found: dict[int, str] = {}
    for report_id, evidence, state in rows:
        if report_id not in found:
            found[report_id] = picture_url(evidence, "thumb", viewer_ref, state=state)
    return found


def clock_of(report: Report, now: datetime) -> ClockView | None:
    """The clock that runs: receive, resolve or verify by state; None when nothing runs."""
    start, due = _running(report)
    if due is None:
        return None
    stopped = report.paused_at if report.state not in ("received", "sorting") else None
    found = rules.clock(start, due, done=None, now=stopped or now, soon=current("reports.limits").data.soon)
    left = show_span(found.left)
    if stopped:
        text = _("暂停，超 %(span)s") if found.kind == "over" else _("暂停，剩 %(span)s")
        return ClockView("pause", text % {"span": left}, _("暂停"), found.fraction, due)
    text = _("超 %(span)s") if found.kind == "over" else _("剩 %(span)s")
    short = f"−{left}" if found.kind == "over" else left
    return ClockView(found.kind, text % {"span": left}, short, found.fraction, due)


def show_span(length: timedelta) -> str:
    text, parts = rules.span_words(length)
    return _(text) % parts


def show_limit(given: Span) -> str:
    """4 工作时, 5 工作日, 2 紧急工作时; a limit of the wall clock as other spans are shown."""
    texts = {"工作时": _("%(n)d 工作时"), "工作日": _("%(n)d 工作日"), "紧急工作时": _("%(n)d 紧急工作时")}
    if given.unit in texts:
        return texts[given.unit] % {"n": given.amount}
    unit = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}[given.unit]
    return show_span(given.amount * unit)


def _running(report: Report) -> tuple[datetime, datetime | None]:
    if report.state in RESOLVING:
        return report.resolve_from or report.received_at, report.resolve_due
    if report.state == "resolved" and report.resolved_at:
        return report.resolved_at, report.verify_due
    if report.state in ("received", "sorting"):
        return report.received_at, report.answer_due
    return report.received_at, None


def clock_cells(report: Report, now: datetime) -> list[ClockCell]:
    """接收, 首次答复, 修好, 核实: how long each took or has left, and its limit. A clock that stands still says so."""
    start = report.received_at
    fixing, checking = report.resolve_from or start, report.resolved_at or start
    rows = [
        (_("接收"), report.dispatched_at or start, report.receive_due, report.accepted_at, ""),
        (_("首次答复"), start, report.answer_due, report.answered_at, ""),
        (_("修好"), fixing, report.resolve_due, report.resolved_at, report.resolve_limit),
        (_("核实"), checking, report.verify_due, report.verified_at, report.verify_limit),
    ]
    ended = report.state in states.ENDED
    running = 3 if report.state in VERIFYING else 2
    return [
        _cell(label, begin, due, done, now, limit, ended=ended, stopped=report.paused_at if n == running else None)
        for n, (label, begin, due, done, limit) in enumerate(rows)
    ]


def _cell(
    label: str,
    begin: datetime,
    due: datetime | None,
    done: datetime | None,
    now: datetime,
    given: str,
    *,
    ended: bool,
    stopped: datetime | None,
) -> ClockCell:
    if due is None or (ended and done is None):
        return ClockCell(label, "—", "", "ok")
    found = rules.clock(begin, due, done=done, now=stopped or now, soon=current("reports.limits").data.soon)
    working = span(given) if given else None
    words = show_limit(working) if working and working.unit not in ("m", "h", "d") else show_span(due - begin)
    limit = _("限 %(span)s") % {"span": words}
    if stopped and not done:
        word = _("暂停，超 %(span)s") if found.kind == "over" else _("暂停，剩 %(span)s")
        return ClockCell(label, word % {"span": show_span(found.left)}, limit, "pause")
    if done:
        return ClockCell(label, show_span(max(done - begin, timedelta())), limit, found.kind)
    word = _("超 %(span)s") if found.kind == "over" else _("剩 %(span)s")
    return ClockCell(label, word % {"span": show_span(found.left)}, limit, found.kind)


def timeline_item(step: ReportStep, *, for_reporter: bool) -> TimelineItem:
    """One line of the history in words for the reporter, or for staff (who never read "你")."""
    icon, tone = _LOOKS[step.step]
    title, text, quote_by = _title(step, for_reporter), step.text, None
    if for_reporter and step.step in _AMONG_STAFF:
        text = ""
    if step.step in _SAID_BY_UNITS and step.text:
        quote_by = step.by
    if step.step == "settle" and step.by:
        title = _("派给%(unit)s") % {"unit": step.by}
    if step.step == "split" and step.by:
        title = _("分给%(units)s分头办") % {"units": step.by}
    if step.step == "cut" and step.by:
        title = _("从一件里拆出来，派给%(unit)s") % {"unit": step.by}
    if step.step == "absorb":
        text = _raised(step)
    if step.data.get("for") and not for_reporter:
        title = _("%(done)s（代班）") % {"done": title}
    return TimelineItem(icon, tone, title, step.at, text, quote_by, step.private)


def measure_title(key: str) -> str:
    """What a kind of measure is called in the reader's language; the key of one that the rule no longer knows."""
    found: MeasureKind | None = current("reports.measures").data.kind(key)
    if found is None:
        return key
    is_english = (get_language() or "").startswith("en")
    return found.en if is_english and found.en else found.zh


def _raised(step: ReportStep) -> str:
    """What a merge did to the lead's severity. Before 2026-11-22 it was kept as a Chinese text."""
    label = SEVERITY_LABELS.get(step.data.get("raised", "")) or step.text.removeprefix("级别升为")
    return _("级别升为%(level)s") % {"level": _(label)} if label else ""


def _title(step: ReportStep, for_reporter: bool) -> str:
    if step.step == "raise":
        if step.actor == IMPORTED:
            return _("从群聊或表格导入")
        return _("你拍照上报") if for_reporter else _("骑手上报")
    if step.step == "inspect" and "distance_m" in step.data:
        text = _INSPECTED[None if for_reporter else step.data.get("announced")]
        return _(text) % {"m": step.data["distance_m"]}
    if step.step == "measure":
        corrects = _("更正：") if "corrects" in step.data else ""
        return corrects + _("已依法处理：%(what)s") % {"what": measure_title(step.data["kind"])}
    if step.step == "praise" and step.by:
        said = _("%(unit)s表扬了你") if for_reporter else _("%(unit)s表扬了上报的骑手")
        return said % {"unit": step.by}
    text = states.STEPS[step.step].done
    done = _(text if for_reporter else text.replace("你", "骑手"))
    if step.step in _WAYS and step.by:
        done = _(_WAYS[step.step]) % {"unit": step.by}
    if step.step in ("redirect", "sort") and step.by:
        done = (
            _("改派给%(unit)s") % {"unit": step.by}
            if step.step == "redirect"
            else _("人工分拣，派给%(unit)s") % {"unit": step.by}
        )
    return done
