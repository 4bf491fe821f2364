"""The way of a case between units, as pages show it: the path, who is in charge, parts, helpers.

Staff who see a case read the path with its reasons; the reporter reads units, states and what units say to riders.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from qixia.codes.queries import triage_classes
from qixia.kernel import clock
from qixia.people.access import Actor
from qixia.people.queries import Org, organisations
from qixia.policy.queries import current
from qixia.reports import access, paths, states
from qixia.reports.models import Help, Report, ReportStep
from qixia.reports.queries.shared import ClockView, Picture, TimelineItem, clock_of, pictures_of, timeline_item

UNIT_KINDS = ("unit", "property", "community")
# What became of a stop of the path, by the step that left it.
_LEFT = {
    "return": gettext_noop("退回"),
    "object": gettext_noop("有异议"),
    "refer": gettext_noop("不知该谁办"),
}
_CAME = {
    "settle": gettext_noop("派单"),
    "sort": gettext_noop("分拣后派单"),
    "redirect": gettext_noop("改派"),
    "cut": gettext_noop("拆出"),
    "return": gettext_noop("被退给"),
    "decide": gettext_noop("督办决定"),
}


@dataclass(frozen=True, slots=True)
class Stop:
    """One unit on the path: how it came there, and why it left."""

    unit: str
    came: str
    left: str = ""
    why: str = ""
    is_now: bool = False


@dataclass(frozen=True, slots=True)
class PartView:
    """One part of a case, for whoever sees the whole. `url` "" if the reader may not open it."""

    number: str
    unit: str
    words: str
    state: str
    state_key: str
    state_label: str
    clock: ClockView | None
    url: str


@dataclass(frozen=True, slots=True)
class HelpView:
    unit: str
    unit_code: str
    state: str
    words: str
    said: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class WayAct:
    """One step that the reader may take, and what its form asks for. `units`: code and name of each that may be named."""

    step: str
    label: str
    title: str
    asks: str
    note: str = ""
    tone: str = ""  # main, warn
    key: str = ""
    units: list[tuple[str, str]] = field(default_factory=list)
    photos: bool = False
    day: bool = False


@dataclass(frozen=True, slots=True)
class WaysView:
    """All of it for the page of one case."""

    stops: list[Stop]
    charge: str  # who is in charge now, if that is another unit than the one that has it
    returns_left: int
    promised: datetime | None
    parts: list[PartView]
    done: int
    rejected: int
    whole_number: str
    whole_url: str
    whole_words: str
    helps: list[HelpView]
    units: list[Org] = field(default_factory=list)
    acts: list[WayAct] = field(default_factory=list)
    part_rows: tuple[int, ...] = (1, 2, 3, 4)

    @property
    def is_any(self) -> bool:
        return bool(
            self.promised or len(self.stops) > 1 or self.charge or self.parts or self.helps or self.whole_number
        )

    @property
    def open_helps(self) -> list[HelpView]:
        return [one for one in self.helps if one.state == "asked"]


def ways(actor: Actor, report: Report, history: Sequence[ReportStep], steps: Collection[str]) -> WaysView:
    """The way of one case, by its history (latest first); `steps` are those that the reader may take. A case that was
    neither split nor helped costs no query but the one for the units that a form offers."""
    moves, taken = paths.moves_of(reversed(history)), {step.step for step in history}
    parts = _parts(actor, report) if "split" in taken else []
    whole = Report.objects.filter(pk=report.part_of_id).first() if report.part_of_id else None
    limit = current("reports.ways").data.returns
    left, helps = max(0, limit - paths.returns(moves)), _helps(report) if "ask_help" in taken else []
    offered = [step for step in steps if step in ACTS and step not in _barred(report, moves, helps, left)]
    units = organisations(*UNIT_KINDS) if _NAMING & set(offered) else []
    return WaysView(
        stops=_stops(moves),
        charge=report.charge.name if report.charge and report.charge_id != report.unit_id else "",
        returns_left=left,
        promised=report.promised_due,
        parts=parts,
        done=sum(one.state in states.DONE for one in parts),
        rejected=sum(one.state == "invalid" for one in parts),
        whole_number=whole.number if whole else "",
        whole_url=_url(whole) if whole and access.cases(actor).filter(pk=whole.pk).exists() else "",
        whole_words=whole.words if whole else "",
        helps=helps,
        units=units,
        acts=[_act(step, report, moves, helps, units, left) for step in offered],
    )


# ── what the reader may do ────────────────────────────────────────────────────
# step → button, heading of the form, what its text is.
ACTS: dict[str, tuple[str, str, str]] = {
    "decide": (gettext_noop("决定主办单位"), gettext_noop("由哪家单位办"), gettext_noop("依据：各单位都会看到")),
    "help_done": (gettext_noop("协办完成"), gettext_noop("协办部分办完了"), gettext_noop("骑手会看到这句话")),
    "help": (gettext_noop("补充情况"), gettext_noop("补充协办情况"), gettext_noop("骑手会看到这句话")),
    "ask_help": (gettext_noop("请求协办"), gettext_noop("请哪家单位协办"), gettext_noop("请它做什么")),
    "waive_help": (gettext_noop("不再需要协办"), gettext_noop("不再需要哪家协办"), gettext_noop("理由")),
    "promise": (gettext_noop("约期答复"), gettext_noop("研究后约定日期答复"), gettext_noop("骑手会看到这句话")),
    "split": (gettext_noop("拆分"), gettext_noop("拆成几部分，各单位分头办"), gettext_noop("补充一句（可以不写）")),
    "return": (gettext_noop("退回"), gettext_noop("退回：该由谁办，为什么"), gettext_noop("理由：接手的单位会看到")),
    "object": (gettext_noop("提出异议"), gettext_noop("也不归我们办"), gettext_noop("理由：督办会看到")),
    "refer": (gettext_noop("提请决定"), gettext_noop("不归我们办，也不知道归谁"), gettext_noop("理由：督办会看到")),
}
_NAMING = {"return", "decide", "ask_help", "split"}
_TONES = {"decide": "main", "help_done": "main", "return": "warn", "object": "warn", "refer": "warn"}
_KEYS = {"return": "r", "decide": "d", "help_done": "e"}


def _barred(report: Report, moves: list[paths.Move], helps: list[HelpView], left: int) -> set[str]:
    """Steps that the state allows and the way does not."""
    found = set()
    if paths.is_decided(moves):
        found |= {"return", "object", "refer"}
    if not left:
        found.add("return")
    if not paths.may_object(moves, report.unit.code if report.unit else ""):
        found.add("object")
    if not any(one.state == "asked" for one in helps):
        found.add("waive_help")
    if report.promised_due is not None or report.severity in ("high", "critical") or report.part_of_id is not None:
        found.add("promise")
    if not to_be_studied(report.cls) or (report.resolve_due is not None and report.resolve_due <= clock.now()):
        found.add("promise")
    return found


def to_be_studied(cls: str) -> bool:
    """Whether an answer to this class may be promised for a day: the rule "reports.ways" says so."""
    known = triage_classes().get(cls)
    return bool({cls, known.family if known else ""} & set(current("reports.ways").data.studied))


def _act(
    step: str, report: Report, moves: list[paths.Move], helps: list[HelpView], units: list[Org], left: int
) -> WayAct:
    label, title, asks = ACTS[step]
    own = report.unit.code if report.unit else ""
    note, named = "", []
    if step == "return":
        gone = paths.refused(moves) | {own}
        named = [(unit.code, unit.name) for unit in units if unit.code not in gone]
        note = _("马上转过去，时限照走。对方可以提一次异议，再由督办决定。还可以退回 %(n)d 次。") % {"n": left}
    if step == "decide":
        named = [(unit.code, unit.name) for unit in units]
        note = _("决定以后，这家单位不能再退回，也不能提异议。")
    if step == "ask_help":
        named = [(unit.code, unit.name) for unit in units if unit.code != own]
    if step == "waive_help":
        named = [(one.unit_code, one.unit) for one in helps if one.state == "asked"]
    if step == "split":
        note = _("每家单位一部分，各有时限；都办完了，这一件再去核实。")
    return WayAct(
        step=step,
        label=_(label),
        title=_(title),
        asks=_(asks),
        note=note,
        tone=_TONES.get(step, ""),
        key=_KEYS.get(step, ""),
        units=named,
        photos=step in ("help", "help_done"),
        day=step == "promise",
    )


def _url(report: Report) -> str:
    return reverse("reports:case", args=[report.public_id])


def _stops(moves: list[paths.Move]) -> list[Stop]:
    """市政 → 城管 → …"""
    stops: list[Stop] = []
    for move in moves:
        if move.step in _LEFT and stops:
            stops[-1] = replace(stops[-1], left=_(_LEFT[move.step]), why=move.why)
        if move.step in _CAME and move.name:
            why = move.why if move.step in ("redirect", "decide") else ""
            stops.append(Stop(move.name, _(_CAME[move.step]), why=why))
    if stops and not stops[-1].left:
        stops[-1] = replace(stops[-1], is_now=True)
    return stops


def _parts(actor: Actor, report: Report) -> list[PartView]:
    now, seen = clock.now(), None
    found = []
    for part in Report.objects.filter(part_of=report).select_related("unit").order_by("pk"):
        if seen is None:
            seen = set(access.cases(actor).filter(part_of=report).values_list("pk", flat=True))
        label, _mine, key = states.LABELS[part.state]
        found.append(
            PartView(
                number=part.number,
                unit=part.unit.name if part.unit else "",
                words=part.words,
                state=part.state,
                state_key=key,
                state_label=_(label),
                clock=clock_of(part, now),
                url=_url(part) if part.pk in seen else "",
            )
        )
    return found


def _helps(report: Report) -> list[HelpView]:
    rows = Help.objects.filter(report=report).select_related("unit").order_by("id")
    return [HelpView(row.unit.name, row.unit.code, row.state, row.words, row.said, row.asked_at) for row in rows]


# ── pictures ──────────────────────────────────────────────────────────────────
def pictures_with_parts(report: Report, viewer_ref: str, history: Iterable[ReportStep]) -> dict[str, list[Picture]]:
    """The case's pictures: of a whole also those that the units of its parts took; of a part the whole's of before."""
    if report.part_of_id is not None:
        both = pictures_of([report.pk, report.part_of_id], viewer_ref)
        own = both[report.pk]
        own["before"] = [*both[report.part_of_id]["before"], *own["before"]]
        return own
    was_split = any(step.step == "split" for step in history)
    rows = Report.objects.filter(part_of=report).order_by("pk") if was_split else Report.objects.none()
    ids = list(rows.values_list("pk", flat=True))
    found = pictures_of([report.pk, *ids], viewer_ref)
    own = found[report.pk]
    for part in ids:
        for role in ("onsite", "after"):
            own[role] = [*own[role], *found[part][role]]
    return own


# ── for the reporter ──────────────────────────────────────────────────────────
_FROM_PARTS = ("accept", "answer", "arrive", "resolve")


@dataclass(frozen=True, slots=True)
class RiderPart:
    """What a reporter knows of a part: whose it is and how far."""

    unit: str
    state_key: str
    state_label: str


def rider_parts(report: Report) -> list[RiderPart]:
    """The parts of an own report, in their order. One query."""
    rows = Report.objects.filter(part_of=report).order_by("pk").values_list("unit__name", "state")
    return [RiderPart(unit or "", states.LABELS[state].glyph, _(states.LABELS[state].reporter)) for unit, state in rows]


def events_of_parts(report: Report) -> list[TimelineItem]:
    """What units do and say of their parts, for the reporter of the whole, latest first."""
    rows = ReportStep.objects.filter(Q(report__part_of=report), step__in=_FROM_PARTS, private=False)
    items = [(step, timeline_item(step, for_reporter=True)) for step in rows.order_by("-id")]
    named = _("%(unit)s：%(what)s")
    return [
        replace(item, title=named % {"unit": step.by, "what": item.title}) if step.by and not item.quote_by else item
        for step, item in items
    ]
