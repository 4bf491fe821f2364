"""The triage queue: what the machine was not sure of, for the clerks of the place.

Truth    the rows of state "sorting". What the machine said first stands in the report; the chances of all classes are
         read anew when one case is opened, by the model that is in use then.
Order    critical first, then what another model calls critical, then by level and by how long it has waited. A key
         names a place in this order, also after its case has left.
Secrecy  no view here knows who reported, not even where the reporter allowed it on other pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, Min, OuterRef, Q
from django.utils.translation import gettext as _

from qixia.codes.queries import class_name, triage_classes
from qixia.codes.rules import SEVERITY_LABELS
from qixia.kernel import clock
from qixia.kernel.ids import is_row_key
from qixia.people.access import Actor
from qixia.people.queries import Org, organisation_by_code, organisations
from qixia.policy.queries import current
from qixia.reports import access, clocks, rules, states
from qixia.reports.models import MergeProposal, Report, ReportStep
from qixia.reports.queries.desk import EvidenceWord, marked
from qixia.reports.queries.opinions import SecondView, rank, rank_of, second_view
from qixia.reports.queries.shared import (
    ClockCell,
    Picture,
    TimelineItem,
    clock_cells,
    pictures_of,
    show_limit,
    show_span,
    thumbs_of,
    timeline_item,
)
from qixia.triage.queries import Chance, chances, kept_figures, thresholds

OFFERED = 3  # classes with a key of their own
LEAST = 0.01  # what is less likely is not offered
LATELY, LATELY_NAME = timedelta(days=7), "reports.lately"
WARNED = rank_of("low", is_warned=True)
UNIT_KINDS = ("unit", "property", "community")


@dataclass(frozen=True, slots=True)
class Waiting:
    """One line of the queue."""

    public_id: str
    title: str
    words: str
    severity: str
    confidence: float | None
    waited: str
    may_be_twin: bool
    is_warned: bool  # not critical, but another model says so
    thumb_url: str | None

    @property
    def percent(self) -> int | None:
        return round(self.confidence * 100) if self.confidence else None


@dataclass(frozen=True, slots=True)
class Queue:
    rows: list[Waiting]
    next_key: str


@dataclass(frozen=True, slots=True)
class QueueHead:
    """`came` of the `of` reports of the last seven days went to a clerk; `oldest` is how long the first has waited."""

    waiting: int
    oldest: str
    came: int
    of: int


@dataclass(frozen=True, slots=True)
class ClassOffer:
    """One class that the clerk may choose; unit, severity and limit are what would come of it. `share` None: unknown."""

    cls: str
    name: str
    family: str
    unit: str
    severity: str
    limit: str
    share: float | None
    is_riders: bool

    @property
    def percent(self) -> int | None:
        return None if self.share is None else round(self.share * 100)


@dataclass(frozen=True, slots=True)
class Level:
    """A severity, and how long the unit has by it."""

    key: str
    label: str
    limit: str


@dataclass(frozen=True, slots=True)
class SortView:
    """One case of the queue with all that a clerk needs to decide on it."""

    public_id: str
    number: str
    title: str
    key: str
    ordinal: int
    total: int
    severity: str
    words: str
    marked: list[EvidenceWord]
    finding: str
    place: str
    community: str
    grid_code: str
    accuracy_m: float | None
    lat: float
    lng: float
    received_at: datetime
    receive: ClockCell
    pictures: list[Picture]
    events: list[TimelineItem]
    chosen: str  # what the machine said; "" if nothing spoke for any class
    offers: list[ClassOffer]
    classes: dict[str, list[ClassOffer]]  # all, by family
    levels: list[Level]
    units: list[Org]
    is_handled: bool
    may_reject: bool
    second: SecondView | None

    @property
    def kinds(self) -> frozenset[str]:
        """What kinds of words are marked."""
        return frozenset(part.kind for part in self.marked if part.kind)


# ── the list ──────────────────────────────────────────────────────────────────
def _queue(actor: Actor) -> Any:  # the stubs lose an annotation on the way out of a function
    return access.sortable(actor).filter(state="sorting").annotate(rank=rank())


def queue_page(actor: Actor, after: str = "", limit: int = 50) -> Queue:
    """The queue from behind the key `after` on. Two queries however long it is."""
    twin = MergeProposal.objects.filter(report=OuterRef("pk"), state="open")
    rows = _queue(actor).filter(_behind(after)).annotate(may_be_twin=Exists(twin)).order_by("rank", "received_at", "pk")
    found = list(rows[: limit + 1])
    page, now = found[:limit], clock.now()
    thumbs = thumbs_of([report.pk for report in page], actor.ref)
    lines = [
        Waiting(
            public_id=report.public_id,
            title=_title(report),
            words=report.words,
            severity=report.severity,
            confidence=report.confidence,
            waited=show_span(now - report.received_at),
            may_be_twin=report.may_be_twin,
            is_warned=report.rank == WARNED,
            thumb_url=thumbs.get(report.pk),
        )
        for report in page
    ]
    return Queue(lines, _key(page[-1], page[-1].rank) if len(found) > limit else "")


def queue_head(actor: Actor) -> QueueHead:
    """What stands over the queue. Three queries; in a large city the last seven days are those of within the hour."""
    waiting = _queue(actor).aggregate(n=Count("pk"), oldest=Min("received_at"))
    now = clock.now()
    kept = kept_figures(LATELY_NAME)
    if kept is None:
        counted = came_lately(access.sortable(actor), now)
    else:
        mine = [numbers for path, numbers in kept.items() if access.sorts(actor, path)]
        counted = {"of": sum(of for of, _came in mine), "came": sum(came for _of, came in mine)}
    oldest = show_span(now - waiting["oldest"]) if waiting["oldest"] else ""
    return QueueHead(waiting["n"], oldest, counted["came"], counted["of"])


def came_lately(reports: Any, now: datetime) -> dict[str, int]:
    """How many of the last days there are, and how many of them a clerk had to look at. One query."""
    found: dict[str, int] = reports.filter(received_at__gte=now - LATELY).aggregate(**_CAME)
    return found


def came_lately_by_place(now: datetime) -> dict[str, list[int]]:
    """The same of every community, by its path; "" is of none. One query."""
    lately = Report.objects.filter(received_at__gte=now - LATELY).order_by()
    rows: Any = lately.values("community__path").annotate(**_CAME)  # the stubs lose the names
    return {row["community__path"] or "": [row["of"], row["came"]] for row in rows}


_DOUBTED = ReportStep.objects.filter(report=OuterRef("pk"), step="doubt")
_CAME = {"of": Count("pk"), "came": Count("pk", filter=Q(Exists(_DOUBTED)))}


def next_in_queue(actor: Actor, key: str = "", *, without: str = "") -> str:
    """The case behind the key, else the first one; "" if nothing waits. `without` is the one that was just left."""
    queue = _queue(actor).exclude(public_id=without).order_by("rank", "received_at", "pk")
    ids = queue.values_list("public_id", flat=True)
    return ids.filter(_behind(key)).first() or (ids.first() if key else "") or ""


def _key(report: Report, rank: int) -> str:
    return f"{rank}~{report.received_at.isoformat()}~{report.pk}"


def _behind(key: str) -> Q:
    """What comes behind a key; a key that is none is before all."""
    place = _place(key)
    if place is None:
        return Q()
    rank, since, pk = place
    return Q(rank__gt=rank) | Q(rank=rank, received_at__gt=since) | Q(rank=rank, received_at=since, pk__gt=pk)


def _place(key: str) -> tuple[int, datetime, int] | None:
    rank, _mid, rest = key.partition("~")
    since, _mid, pk = rest.partition("~")
    if rank not in ("0", "1", "2", "3", "4") or not is_row_key(pk):
        return None
    try:
        # In UTC at once: an offset can push a moment out of the calendar.
        return int(rank), datetime.fromisoformat(since).astimezone(UTC), int(pk)
    except (ValueError, OverflowError):
        return None


# ── one case ──────────────────────────────────────────────────────────────────
def sort_view(actor: Actor, public_id: str) -> SortView | None:
    """One case as the clerk decides on it; None if it waits no longer. NotFound for what the actor may not sort."""
    report = access.to_sort(actor, public_id)
    if report.state != "sorting":
        return None
    second = second_view(report)
    key = _key(report, rank_of(report.severity, is_warned=second is not None and second.warns))
    units = organisations(*UNIT_KINDS)
    weighed = chances(report.words, report.hint or None)
    all_classes = _offers(report, weighed, {unit.code: unit.name for unit in units})
    ahead = _queue(actor).aggregate(all=Count("pk"), behind=Count("pk", filter=_behind(key)))
    chosen = _said(report)
    return SortView(
        public_id=report.public_id,
        number=report.number,
        title=_title(report),
        key=key,
        ordinal=ahead["all"] - ahead["behind"],
        total=ahead["all"],
        severity=report.severity,
        words=report.words,
        marked=marked(report),
        finding=report.finding,
        place=report.place,
        community=report.community.name if report.community else "",
        grid_code=report.grid_code,
        accuracy_m=report.accuracy_m,
        lat=report.lat,
        lng=report.lng,
        received_at=report.received_at,
        receive=clock_cells(report, clock.now())[0],
        pictures=pictures_of([report.pk], actor.ref)[report.pk]["before"],
        events=[timeline_item(step, for_reporter=False) for step in report.steps.order_by("-id")],
        chosen=chosen,
        offers=_offered(all_classes, weighed, chosen, report),
        classes=_by_family(all_classes),
        levels=_levels(report, _said(report)),
        units=units,
        is_handled=report.handled_by_rider,
        may_reject=states.allowed("reject", report.state),
        second=second,
    )


def unit_code_for(actor: Actor, public_id: str, cls: str) -> str:
    """The unit that the directory names for a case of this class; "" if the class is unknown."""
    report = access.to_sort(actor, public_id)
    return _unit_code(report, cls) if cls in triage_classes() else ""


def state_label(actor: Actor, public_id: str) -> str:
    """Where a case has gone to, in words."""
    return _(states.LABELS[access.to_sort(actor, public_id).state].staff)


def _title(report: Report) -> str:
    return class_name(report.cls) if _said(report) else _("类别未定")


def _said(report: Report) -> str:
    """What the machine had said, unless it had nothing to go by: then no class is chosen beforehand."""
    return report.cls if report.confidence and report.cls in triage_classes() else ""


def _offers(report: Report, weighed: list[Chance], unit_names: dict[str, str]) -> dict[str, ClassOffer]:
    known, spoke = triage_classes(), weighed[0].chance > 0
    codes = {one.cls: _unit_code(report, one.cls) for one in weighed}
    for code in set(codes.values()) - unit_names.keys():
        unit = organisation_by_code(code)  # of another kind than those offered: the command centre
        unit_names[code] = unit.name if unit else ""
    return {
        one.cls: ClassOffer(
            cls=one.cls,
            name=class_name(one.cls),
            family=_(known[one.cls].family),
            unit=unit_names[codes[one.cls]],
            severity=one.severity,
            limit=_limit(report, one.cls, one.severity),
            share=one.chance if spoke else None,
            is_riders=one.cls == report.hint,
        )
        for one in weighed
    }


def _offered(
    all_classes: Mapping[str, ClassOffer], weighed: list[Chance], chosen: str, report: Report
) -> list[ClassOffer]:
    """What has a key: the machine's word first, then what the rider chose, then by chance; the common ones without any."""
    first = [slug for slug in (chosen, report.hint) if slug]
    likely = [one.cls for one in weighed if one.chance >= LEAST] or thresholds().common
    slugs = list(dict.fromkeys([*first, *likely, report.runner_up]))
    return [all_classes[slug] for slug in slugs if slug in all_classes][:OFFERED]


def _by_family(offers: Mapping[str, ClassOffer]) -> dict[str, list[ClassOffer]]:
    found: dict[str, list[ClassOffer]] = {}
    for slug in triage_classes():
        if slug in offers:
            found.setdefault(offers[slug].family, []).append(offers[slug])
    return found


def _unit_code(report: Report, cls: str) -> str:
    family = triage_classes()[cls].family
    return rules.route(current("reports.routing").data.rows, cls=cls, family=family, place=_where(report)).unit


def _where(report: Report) -> rules.Place:
    return rules.Place(
        report.community.path if report.community else "", report.site.kind if report.site else ""
    )  # fmt: skip


def _levels(report: Report, cls: str) -> list[Level]:
    return [Level(key, _(label), _limit(report, cls, key)) for key, label in SEVERITY_LABELS.items()]


def _limit(report: Report, cls: str, severity: str) -> str:
    known = triage_classes().get(cls)
    given = clocks.terms(
        current("reports.limits").data,
        cls=cls,
        family=known.family if known else "",
        severity=severity,
        place=_where(report),
    )
    return _("限 %(span)s") % {"span": show_limit(given.resolve)}
