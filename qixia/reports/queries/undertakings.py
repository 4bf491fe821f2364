"""What units undertake together, for staff; and what a rider reads of it on an own report."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from django.db.models import Count, Q
from django.utils.translation import gettext as _

from qixia.kernel import clock
from qixia.kernel.ids import is_row_key
from qixia.media.access import picture_url
from qixia.people.access import Actor
from qixia.reports import access, states
from qixia.reports.models import Report, ReportPhoto, Undertaking, UndertakingReport, UndertakingTask
from qixia.reports.queries.shared import title_of

PAGE = 40
LABELS = {"open": ("办理中", "doing"), "done": ("已完成", "fixed"), "dropped": ("不再办理", "back")}


@dataclass(frozen=True, slots=True)
class Line:
    """One undertaking in the list."""

    public_id: str
    title: str
    lead: str
    state: str
    state_key: str
    state_label: str
    due: date
    is_late: bool
    tasks: int
    done: int
    reports: int
    amount: str


@dataclass(frozen=True, slots=True)
class TaskView:
    id: int
    unit: str
    what: str
    due: date
    done_at: datetime | None
    said: str
    is_late: bool
    may_finish: bool


@dataclass(frozen=True, slots=True)
class LinkedReport:
    public_id: str
    number: str
    title: str
    place: str
    state_key: str
    state_label: str


@dataclass(frozen=True, slots=True)
class UndertakingView:
    line: Line
    aim: str
    result: str
    place: str
    lat: float | None
    lng: float | None
    started_at: datetime
    ended_at: datetime | None
    tasks: list[TaskView]
    linked: list[LinkedReport]
    unseen: int  # linked reports that the reader may not open
    may_lead: bool
    photos: list[str] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return self.line.state == "open"

    @property
    def all_done(self) -> bool:
        return all(task.done_at for task in self.tasks)


def undertakings(actor: Actor, before: str = "") -> tuple[list[Line], str]:
    """The reader's, open ones first, latest first, and the key of the next page. Two queries."""
    rows = access.undertakings(actor).select_related("lead").order_by("-pk")
    if is_row_key(before):
        rows = rows.filter(pk__lt=int(before))
    counted = rows.annotate(
        n_tasks=Count("tasks", distinct=True),
        n_done=Count("tasks", filter=Q(tasks__done_at__isnull=False), distinct=True),
        n_reports=Count("links", distinct=True),
    )
    found = list(counted[: PAGE + 1])
    page = found[:PAGE]
    return [_line(row, row.n_tasks, row.n_done, row.n_reports) for row in page], (
        str(page[-1].pk) if len(found) > PAGE else ""
    )


def _line(row: Undertaking, tasks: int, done: int, reports: int) -> Line:
    label, key = LABELS[row.state]
    return Line(
        public_id=row.public_id,
        title=row.title,
        lead=row.lead.name,
        state=row.state,
        state_key=key,
        state_label=_(label),
        due=row.due,
        is_late=row.state == "open" and row.due < clock.city_date(clock.now()),
        tasks=tasks,
        done=done,
        reports=reports,
        amount=amount_of(row),
    )


def amount_of(row: Undertaking) -> str:
    return f"{row.quantity} {row.measure}".strip() if row.quantity else ""


def undertaking(actor: Actor, public_id: str) -> UndertakingView:
    """One of them with its tasks and reports. NotFound for others."""
    row = access.undertaking(actor, public_id)
    units = actor.organisation_ids(*access.UNIT_ROLES)
    may_lead = access.oversees(actor, row) or row.lead_id in units
    tasks = [_task(one, may_lead or one.unit_id in units) for one in row.tasks.select_related("unit")]
    ids = UndertakingReport.objects.filter(undertaking=row).values("report_id")
    total = ids.count()
    linked = list(access.cases(actor).filter(pk__in=ids).order_by("number"))
    return UndertakingView(
        line=_line(row, len(tasks), sum(one.done_at is not None for one in tasks), total),
        aim=row.aim,
        result=row.result,
        place=row.site.name if row.site else "",
        lat=row.lat,
        lng=row.lng,
        started_at=row.started_at,
        ended_at=row.ended_at,
        tasks=tasks,
        linked=[_linked(one) for one in linked],
        unseen=total - len(linked),
        may_lead=may_lead,
        photos=_photos(row, actor),
    )


def _photos(row: Undertaking, actor: Actor) -> list[str]:
    """Of the new facility: each once, though every linked report shows it."""
    shown = ReportPhoto.objects.filter(report__undertaken__undertaking=row, evidence__owner_ref=row.ref).order_by()
    pairs = sorted(set(shown.values_list("evidence_id", "evidence__public_id", "evidence__state")))
    return [picture_url(public_id, "thumb", actor.ref, state=state) for _pk, public_id, state in pairs]


def _task(row: UndertakingTask, mine: bool) -> TaskView:
    late = row.done_at is None and row.due < clock.city_date(clock.now())
    return TaskView(
        id=row.pk,
        unit=row.unit.name,
        what=row.what,
        due=row.due,
        done_at=row.done_at,
        said=row.said,
        is_late=late,
        may_finish=mine and row.done_at is None,
    )


def _linked(row: Report) -> LinkedReport:
    shown = states.LABELS[row.state]
    return LinkedReport(row.public_id, row.number, title_of(row), row.place, shown.glyph, _(shown.staff))


@dataclass(frozen=True, slots=True)
class Together:
    """What a reporter reads of the undertaking that answers the own report."""

    title: str
    state_key: str
    state_label: str
    lead: str
    due: date
    units: list[str]
    amount: str
    result: str
    place: str
    lat: float | None
    lng: float | None


def together(report: Report) -> Together | None:
    """Of this report, or of the one that it is merged into."""
    lead = report.merged_into_id or report.pk
    link = (
        UndertakingReport.objects.filter(report_id=lead)
        .select_related("undertaking__lead", "undertaking__site")
        .first()
    )
    if link is None:
        return None
    row = link.undertaking
    label, key = LABELS[row.state]
    names = row.tasks.order_by("unit__name").values_list("unit__name", flat=True).distinct()
    return Together(
        title=row.title,
        state_key=key,
        state_label=_(label),
        lead=row.lead.name,
        due=row.due,
        units=[name for name in dict.fromkeys(names) if name != row.lead.name],
        amount=amount_of(row),
        result=row.result,
        place=row.site.name if row.site else "",
        lat=row.lat,
        lng=row.lng,
    )
