"""Reports as their reporter sees them. One that is merged shows how its lead stands, and nothing else of the lead but what
the unit says and its photos of after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Case, When
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext as _

from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.kernel.ids import is_row_key
from qixia.people.access import Actor
from qixia.reports import access, states
from qixia.reports.models import Report, ReportStep
from qixia.reports.queries.shared import (
    ClockCell,
    ClockView,
    Picture,
    TimelineItem,
    clock_cells,
    clock_of,
    is_sensitive,
    pictures_of,
    thumbs_of,
    timeline_item,
    title_of,
)
from qixia.reports.queries.similar import others_of
from qixia.reports.queries.undertakings import Together, together
from qixia.reports.queries.ways import RiderPart, events_of_parts, pictures_with_parts, rider_parts
from qixia.rewards.queries import points_of

# Steps of a lead that those who follow it don't read: how it began, who of a unit goes, what else was merged.
_NOT_FOLLOWED = ("raise", "settle", "settle_handled", "doubt", "settle_merged", "assign", "absorb", "release", "praise")
_OF_UNITS = ("answer", "arrive", "inspect", "resolve")

FILTERS: dict[str, tuple[str, ...]] = {
    "": states.STATES,
    "doing": tuple(s for s in states.OPEN if s != "confirming"),
    "confirm": ("confirming",),
    "fixed": ("fixed", "closed"),
    "invalid": ("invalid", "aside"),
}


@dataclass(frozen=True, slots=True)
class RiderCard:
    public_id: str
    number: str
    title: str
    place: str
    severity: str
    state: str
    state_key: str
    state_label: str
    unit_name: str
    answer_line: str
    clock: ClockView | None
    thumb_url: str | None
    received_at: datetime

    @property
    def url(self) -> str:
        return reverse("reports:timeline", args=[self.public_id])


@dataclass(frozen=True, slots=True)
class RiderReport(RiderCard):
    """All that a reporter may know of an own report."""

    words: str
    before: list[Picture]
    onsite: list[Picture]
    after: list[Picture]
    later: list[Picture]  # what a second rider saw
    clocks: list[ClockCell]
    events: list[TimelineItem]
    can_answer: bool
    calls: list[str]
    points: int | None
    supporters: int
    name_hidden: bool
    settled: bool
    is_merged: bool
    parts: list[RiderPart]
    together: Together | None


@dataclass(frozen=True, slots=True)
class Page:
    items: list[RiderCard]
    next_key: str


@dataclass(frozen=True, slots=True)
class OwnCounts:
    total: int
    fixed: int
    to_confirm: int


_BESIDE = ("self-handled", "confirm")  # rules by which the same report earns for other acts
# Who to ring first when life is in danger, by class; everything else that is critical: 119.
_CALLS: dict[str, list[str]] = {
    "person-at-risk": ["120", "110"],
    "public-order": ["110"],
    "fire": ["119", "120"],
    "food-harm": ["120"],
}


def my_reports(actor: Actor, state: str, before_key: str, limit: int) -> Page:
    """Own reports, latest first; `before_key` is the key that the page before ended with."""
    # How a merged one stands is how its lead stands.
    rows = access.own_reports(actor).annotate(stands=Coalesce("merged_into__state", "state"))
    rows = rows.filter(stands__in=FILTERS.get(state, states.STATES))
    if before_key:
        if not is_row_key(before_key):
            raise Invalid("这一页的地址不对，请从头翻起。", field="before")
        rows = rows.filter(pk__lt=int(before_key))
    found = list(rows.select_related("unit", "merged_into__unit").order_by("-pk")[: limit + 1])
    page = found[:limit]
    return Page(_cards(page, actor), str(page[-1].pk) if len(found) > limit else "")


def latest_reports(actor: Actor, limit: int = 3) -> list[RiderCard]:
    """For the home page: what waits for the rider first, then the latest."""
    stands = Coalesce("merged_into__state", "state")
    rank = Case(When(state="confirming", then=0), When(stands__in=states.ENDED, then=2), default=1)
    own = access.own_reports(actor).select_related("unit", "merged_into__unit")
    rows = own.annotate(stands=stands).annotate(rank=rank).order_by("rank", "-pk")
    return _cards(list(rows[:limit]), actor)


def own_counts(actor: Actor) -> OwnCounts:
    """How many reports a rider has made, how many are fixed, how many wait for an answer. One query."""
    tally: dict[str, int] = {}
    for state, lead in access.own_reports(actor).values_list("state", "merged_into__state"):
        # Only the reporter of the lead is asked.
        name = state if lead is None else lead if lead != "confirming" else "resolved"
        tally[name] = tally.get(name, 0) + 1
    return OwnCounts(sum(tally.values()), tally.get("fixed", 0), tally.get("confirming", 0))


def my_report_by_number(actor: Actor, number: str) -> str | None:
    return access.own_reports(actor).filter(number=number).values_list("public_id", flat=True).first()


def rider_report(actor: Actor, public_id: str) -> RiderReport:
    """One own report with all that its reporter may know. NotFound for anybody else's."""
    report = access.own_report(actor, public_id)
    now = clock.now()
    steps = [step for step in report.steps.order_by("-id") if not step.private and step.step != "assign"]
    pictures = pictures_with_parts(report, actor.ref, steps)
    lead = report.merged_into
    followed = followed_events(lead, hidden=is_sensitive(lead), after=steps[0]) if lead and steps else []
    thumb = pictures["before"][0].thumb_url if pictures["before"] else None
    points = _arrived(report)
    return RiderReport(
        **_facts(report, now, thumb),
        words=report.words,
        before=pictures["before"],
        onsite=pictures["onsite"],
        after=pictures["after"] or (_after_of(lead, actor) if lead else []),
        later=pictures["later"],
        clocks=clock_cells(report, now) if report.state not in ("received", "sorting", "merged") else [],
        events=[*followed, *_events(report, _with_parts(report, steps), points)],
        parts=rider_parts(report) if _was_split(steps) else [],
        together=together(report),
        can_answer=report.state == "confirming",
        calls=_CALLS.get(report.cls, ["119", "110"])
        if report.severity == "critical" and report.state not in states.ENDED
        else [],
        points=points,
        supporters=others_of([report.pk]).get(report.pk, 0) if lead is None else 0,
        name_hidden=report.name_hidden,
        settled=report.state != "received",
        is_merged=lead is not None,
    )


def _arrived(report: Report) -> int | None:
    """What is in the purse for the report itself: `report.points` counts what is held or owed too. None before it was
    looked at."""
    if not report.points:
        return report.points
    return max(points_of([report.ref], without=_BESIDE).get(report.ref, 0), 0)


def _was_split(steps: Sequence[ReportStep]) -> bool:
    return any(step.step == "split" for step in steps)


def _with_parts(report: Report, steps: Sequence[ReportStep]) -> list[TimelineItem]:
    """The own history, and what the units of the parts do and say, latest first."""
    own = [timeline_item(step, for_reporter=True) for step in steps]
    if not _was_split(steps):
        return own
    return sorted([*own, *events_of_parts(report)], key=lambda item: item.at, reverse=True)


def _after_of(lead: Report, actor: Actor) -> list[Picture]:
    """What the unit shows of the lead; not of a matter that could name a person."""
    if is_sensitive(lead):
        return []
    return [one for one in pictures_of([lead.pk], actor.ref)[lead.pk]["after"] if one.state == "ready"]


def followed_events(lead: Report, *, hidden: bool, after: ReportStep | None = None) -> list[TimelineItem]:
    """The lead's history for whoever follows it, latest first: steps of units, clerks and the reporter, words of units
    only. `after`: what came later than this step."""
    steps = lead.steps.filter(private=False).exclude(step__in=_NOT_FOLLOWED).order_by("-id")
    if after is not None:
        steps = steps.filter(pk__gt=after.pk)
    items = [(step, timeline_item(step, for_reporter=False)) for step in steps]
    return [item if step.step in _OF_UNITS and not hidden else replace(item, text="") for step, item in items]


def followed_facts(lead: Report, now: datetime) -> dict[str, Any]:
    """What a card shows of a report that somebody follows."""
    return {**_facts(lead, now, None), "answer_line": _answer_line(lead, is_reporter=False)}


def _events(report: Report, items: list[TimelineItem], points: int | None) -> list[TimelineItem]:
    """The history with the points in it; before the report is settled, the one thing that is known."""
    if not items:
        return [TimelineItem("camera", "", _("你拍照上报"), report.received_at, "")]
    if points:
        paid = next((i for i, item in enumerate(items) if item.icon in ("route", "hand-stop")), 0)
        line = TimelineItem("coin", "pts", _("+%(n)d 积分") % {"n": points}, items[paid].at, _("派单即得"))
        items.insert(paid, line)
    return items


def _cards(reports: Sequence[Report], actor: Actor) -> list[RiderCard]:
    now = clock.now()
    thumbs = thumbs_of([report.pk for report in reports], actor.ref)
    return [RiderCard(**_facts(report, now, thumbs.get(report.pk))) for report in reports]


def _facts(report: Report, now: datetime, thumb: str | None) -> dict[str, Any]:
    """What a card shows, and the head of the report's own page."""
    lead = report.merged_into or report
    label, key = _state(lead, is_reporter=lead is report)
    return {
        "public_id": report.public_id,
        "number": report.number,
        "title": title_of(report),
        "place": report.place,
        "severity": report.severity,
        "state": report.state,
        "state_key": key,
        "state_label": label,
        "unit_name": _unit_name(lead),
        "answer_line": _answer_line(lead, is_reporter=lead is report),
        "clock": clock_of(lead, now),
        "thumb_url": thumb,
        "received_at": report.received_at,
    }


def _state(report: Report, *, is_reporter: bool = True) -> tuple[str, str]:
    console, label, key = states.LABELS[report.state]
    return _(label if is_reporter else console), key


def _unit_name(report: Report) -> str:
    return report.unit.name if report.unit else ""


def _answer_line(report: Report, *, is_reporter: bool = True) -> str:
    """Where it stands, in one line for the reporter, or for whoever follows it."""
    unit = _unit_name(report)
    lines = {
        "received": _("正在定类、派单"),
        "sorting": _("系统拿不准，社区的人正在看"),
        "dispatched": _("已派给%(unit)s，等签收"),
        "accepted": _("%(unit)s已签收"),
        "working": _("%(unit)s已到场处置"),
        "returned": _("单位退回，社区正在改派"),
        "resolved": _("%(unit)s说办好了，社区正在核实") if not report.self_handled else _("等社区核实"),
        "confirming": _("社区核实过了，等你看一眼"),
        "fixed": _("修好了，谢谢你"),
        "closed": _("已办结，没修好可以重开"),
        "reopened": _("已退回%(unit)s重办"),
        "invalid": _("核查后认定不属实"),
        "aside": _("不在受理范围"),
        "merged": _("和附近的一件并在一起办"),
        "split": _("几个单位分头办，都办完再核实"),
    }
    if not is_reporter:
        lines |= {"confirming": _("社区核实过了，等上报的人看一眼"), "fixed": _("修好了"), "closed": _("已办结")}
    return lines[report.state] % {"unit": unit}
