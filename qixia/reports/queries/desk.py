"""Reports as staff sees them. Nothing here names the reporter or lets anybody find out who it was."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from qixia.audit.rules import BASES
from qixia.codes.queries import class_name, triage_classes
from qixia.codes.rules import SEVERITY_LABELS
from qixia.kernel import clock
from qixia.kernel.ids import is_row_key, parse_number
from qixia.people.access import Actor
from qixia.people.queries import Member, Org, display_name_of, has_consent, organisations, person_id_for, staff_of
from qixia.reports import access, rules, states
from qixia.reports.models import Report
from qixia.reports.queries.duplicates import Related, related
from qixia.reports.queries.evidence import PhotoNote, photo_notes
from qixia.reports.queries.opinions import SecondView, rank, second_view, warned
from qixia.reports.queries.shared import (
    ClockCell,
    ClockView,
    Picture,
    TimelineItem,
    clock_cells,
    clock_of,
    pictures_of,
    thumbs_of,
    timeline_item,
    title_of,
)
from qixia.reports.sealing import SEALED, open_link

LISTS: dict[str, tuple[str, ...]] = {
    "queue": states.WITH_UNIT,
    "incoming": ("dispatched", "reopened"),
    "sorting": ("sorting",),
    "returned": ("returned",),
    "checks": ("resolved",),
    "confirming": ("confirming",),
    "all": states.STATES,
}


@dataclass(frozen=True, slots=True)
class Order:
    """How a list is sorted: by one field, then by the key of the row."""

    field: str
    down: bool = False


_ORDERS: dict[str, Order] = {
    "queue": Order("resolve_due"),
    "returned": Order("worst"),
    "checks": Order("verify_due"),
    "confirming": Order("verified_at"),
    "all": Order("received_at", down=True),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a staff list."""

    public_id: str
    number: str
    title: str
    place: str
    severity: str
    state: str
    state_key: str
    state_label: str
    unit_name: str
    assignee: str
    clock: ClockView | None
    received_at: datetime
    words: str
    confidence: float | None
    runner_up: str
    rings: bool
    reopened: int
    lat: float
    lng: float
    thumb_url: str | None
    warned: bool  # another model calls it critical, the report does not; told to clerks only


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; comes from the address."""

    list: str = "queue"
    severity: str = ""
    cls: str = ""
    state: str = ""
    over: bool = False
    text: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class CasePage:
    items: list[Row]
    next_key: str
    total: int | None


@dataclass(frozen=True, slots=True)
class EvidenceWord:
    """A stretch of the rider's words; `kind` "" is plain text, else class, danger or place."""

    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class CaseView:
    """One case with all that staff may know."""

    row: Row
    words: str
    marked: list[EvidenceWord]
    finding: str
    cls: str
    standard_code: str
    route_reason: str
    community: str
    grid_code: str
    site: str
    building: str
    accuracy_m: float | None
    validity: str
    self_handled: bool
    reporter: str  # what the reporter is called, only if he or she chose to show it; else empty
    before: list[Picture]
    onsite: list[Picture]
    after: list[Picture]
    clocks: list[ClockCell]
    events: list[TimelineItem]
    steps: list[str]
    is_anonymous: bool  # told to clerks only
    original_bases: list[tuple[str, str]]  # grounds on which the reader may open a picture as it came; [] for none
    related: Related
    opinion: SecondView | None = None  # of another model; for clerks
    notes: list[PhotoNote] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    units: list[Org] = field(default_factory=list)

    @property
    def notes_warn(self) -> bool:
        return any(said and said.tone == "warn" for note in self.notes for said in (note.source, note.place))

    @property
    def pictures(self) -> list[Picture]:
        return [*self.before, *self.onsite, *self.after]


def case_page(actor: Actor, wanted: Filter, limit: int = 50) -> CasePage:
    """A staff list: what runs out first comes first. Four queries however long the list is."""
    rows = _narrowed(actor, wanted)
    order = _ORDERS.get(wanted.list, _ORDERS["queue"])
    # Nobody works through the whole archive, so nobody counts it.
    total = None if wanted.list == "all" else rows.count()
    rows = _ordered(rows, order, wanted.after).select_related("unit", "assignee")
    if actor.has(*access.CLERK_ROLES, "admin"):
        rows = rows.annotate(is_warned=warned())
    found = list(rows[: limit + 1])
    page = found[:limit]
    thumbs = thumbs_of([report.pk for report in page], actor.ref)
    now = clock.now()
    items = [_row(report, now, thumbs.get(report.pk)) for report in page]
    return CasePage(items, _key(page[-1], order) if len(found) > limit else "", total)


def _narrowed(actor: Actor, wanted: Filter) -> QuerySet[Report]:
    rows = access.cases(actor).filter(state__in=LISTS.get(wanted.list, states.WITH_UNIT))
    # Only known words reach the database: PostgreSQL refuses some characters with an error of its own.
    if wanted.severity in SEVERITY_LABELS:
        rows = rows.filter(severity=wanted.severity)
    if wanted.cls in triage_classes():
        rows = rows.filter(cls=wanted.cls)
    if wanted.state in states.STATES:
        rows = rows.filter(state=wanted.state)
    if wanted.over:
        rows = rows.filter(resolve_due__lt=clock.now())
    if wanted.text:
        number = parse_number(wanted.text)
        text = wanted.text[:60].replace("\0", "")
        rows = (
            rows.filter(number=number) if number else rows.filter(Q(place__icontains=text) | Q(words__icontains=text))
        )
    return rows


def _ordered(rows: QuerySet[Report], order: Order, after: str) -> QuerySet[Report]:
    """`rows` in `order`, from behind the key `after` on. A key that is none starts at the top."""
    sign = "-" if order.down else ""
    if order.field == "worst":
        rows = rows.annotate(worst=rank())
    value, _mid, pk = after.partition("~")
    start = _parsed(order, value)
    if start is not None and is_row_key(pk):
        beyond = "lt" if order.down else "gt"
        later = Q(**{f"{order.field}__{beyond}": start}) | Q(**{order.field: start, f"pk__{beyond}": int(pk)})
        rows = rows.filter(later)
    return rows.order_by(f"{sign}{order.field}", f"{sign}pk")


def _key(report: Report, order: Order) -> str:
    value = getattr(report, order.field)
    return f"{value.isoformat() if isinstance(value, datetime) else value}~{report.pk}"


def _parsed(order: Order, value: str) -> datetime | int | None:
    if order.field == "worst":
        return int(value) if is_row_key(value) and len(value) == 1 else None
    try:
        # In UTC at once: an offset can push a moment out of the calendar.
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def list_counts(actor: Actor) -> dict[str, int]:
    """How many cases each list holds, and how many of the queue are over. One query."""
    sums = {
        name: Count("pk", filter=Q(state__in=LISTS[name]))
        for name in ("queue", "incoming", "sorting", "returned", "checks", "confirming")
    }
    over = Count("pk", filter=Q(state__in=states.WITH_UNIT, resolve_due__lt=clock.now()))
    # Ended cases are many and in no list: left out, the index on the state serves the rest.
    found: dict[str, int] = access.cases(actor).filter(state__in=states.OPEN).aggregate(**sums, over=over)
    return found


def case(actor: Actor, public_id: str) -> CaseView:
    """One case. NotFound for what the actor must not see."""
    report = access.case(actor, public_id)
    pictures = pictures_of([report.pk], actor.ref)[report.pk]
    parties = access.parties(actor, report) - {"rider"}
    steps = [name for name in states.steps_from(report.state, *parties) if _fits(name, report)]
    thumb = pictures["before"][0].thumb_url if pictures["before"] else None
    return CaseView(
        row=_row(report, clock.now(), thumb),
        words=report.words,
        marked=marked(report),
        finding=report.finding,
        cls=report.cls,
        standard_code=report.standard_code,
        route_reason=report.route_reason,
        community=report.community.name if report.community else "",
        grid_code=report.grid_code,
        site=report.site.name if report.site else "",
        building=" ".join(part for part in (report.building, report.floor, report.spot) if part),
        accuracy_m=report.accuracy_m,
        validity=report.validity,
        self_handled=report.self_handled,
        reporter=_shown_name(report, parties),
        before=pictures["before"],
        onsite=pictures["onsite"],
        after=pictures["after"],
        clocks=clock_cells(report, clock.now()),
        events=[timeline_item(step, for_reporter=False) for step in report.steps.order_by("-id")],
        steps=steps,
        is_anonymous="clerk" in parties and report.secrecy != SEALED,
        original_bases=[(key, _(BASES[key])) for key in rules.ORIGINAL_BASES] if "clerk" in parties else [],
        opinion=second_view(report) if "clerk" in parties else None,
        related=related(actor, report),
        notes=photo_notes(actor, report, parties),
        members=staff_of(report.unit_id, *access.UNIT_ROLES) if report.unit_id and "assign" in steps else [],
        units=organisations("unit", "property", "community") if "redirect" in steps else [],
    )


def _shown_name(report: Report, parties: Collection[str]) -> str:
    """The nickname, to clerks only, by two decisions of the reporter: on this report, and by consent. Else nothing."""
    if report.name_hidden or report.secrecy != SEALED or "clerk" not in parties:
        return ""
    person_id = person_id_for(open_link(report.reporter_link, report=report.public_id))
    return display_name_of(person_id) if person_id and has_consent(person_id, "name") else ""


def _fits(step: str, report: Report) -> bool:
    """Of the steps for reports that the rider handled and for others, only one pair is offered."""
    handled = {"sort_handled": True, "sort": False, "verify_handled": True, "verify": False}
    return handled.get(step, report.handled_by_rider) == report.handled_by_rider


def _row(report: Report, now: datetime, thumb: str | None) -> Row:
    label, _mine, key = states.LABELS[report.state]
    return Row(
        public_id=report.public_id,
        number=report.number,
        title=title_of(report),
        place=report.place,
        severity=report.severity,
        state=report.state,
        state_key=key,
        state_label=_(label),
        unit_name=report.unit.name if report.unit else "",
        assignee=report.assignee.display_name if report.assignee else "",
        clock=clock_of(report, now),
        received_at=report.received_at,
        words=report.words,
        confidence=report.confidence,
        runner_up=class_name(report.runner_up) if report.runner_up else "",
        rings=report.rings,
        reopened=report.reopened,
        lat=report.lat,
        lng=report.lng,
        thumb_url=thumb,
        warned=getattr(report, "is_warned", False),
    )


def marked(report: Report) -> list[EvidenceWord]:
    """The words cut into plain and deciding stretches."""
    parts, at = [], 0
    for word in sorted(report.evidence_words, key=lambda one: int(one["start"])):
        if word["start"] < at:
            continue
        parts.append(EvidenceWord(report.words[at : word["start"]], ""))
        parts.append(EvidenceWord(report.words[word["start"] : word["end"]], word["kind"]))
        at = word["end"]
    parts.append(EvidenceWord(report.words[at:], ""))
    return [part for part in parts if part.text]
