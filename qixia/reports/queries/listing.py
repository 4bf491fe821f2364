"""The staff's lists: what is in them, narrowed, sorted and counted. Nothing here names the reporter.

Filter   comes from an address, so every word in it may be forged: what is unknown narrows nothing, and nothing reaches
         the database that it refuses (NUL, numbers out of range).
Cost     a page is five queries however long the list is; the chips' numbers are one. Nothing is counted beyond a bound
         (queries/counting.py), and words are looked for in so many rows of the list at a time: `next_key` goes on there.
Late     what the clocks marked so (queries/clocks.py); `soon` is the share of the limit that the policy calls near.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import DurationField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet, Value
from django.db.models.lookups import LessThan
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from qixia.codes.queries import class_name, division, divisions_under, triage_classes
from qixia.codes.rules import SEVERITY_LABELS
from qixia.kernel import clock
from qixia.kernel.ids import is_row_key, parse_number
from qixia.people.access import Actor
from qixia.people.queries import organisation_by_code
from qixia.policy.queries import current
from qixia.reports import access, states
from qixia.reports.models import Report, Watch
from qixia.reports.queries.clocks import late, near_answer
from qixia.reports.queries.counting import counted
from qixia.reports.queries.opinions import rank, warned
from qixia.reports.queries.shared import ClockView, clock_of, thumbs_of, title_of

LISTS: dict[str, tuple[str, ...]] = {
    "queue": states.WITH_UNIT,
    "incoming": ("dispatched", "reopened"),
    "sorting": ("sorting",),
    "returned": ("returned",),
    "checks": ("resolved",),
    "confirming": ("confirming",),
    "all": states.STATES,
}
# What a list may be narrowed to besides single states.
GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "unit": (gettext_noop("单位在办"), states.WITH_UNIT),
    "clerk": (gettext_noop("等社区处理"), ("sorting", "returned", "resolved")),
    "rider": (gettext_noop("等骑手确认"), ("confirming",)),
    "open": (gettext_noop("全部未结"), states.OPEN),
    "ended": (gettext_noop("已结"), states.ENDED),
}
SEARCHED = 20_000  # rows of the archive in which words are looked for at once
# A part that is done is looked at with its whole.
_NOT_DONE_PARTS = Q(part_of=None) | ~Q(state="resolved")


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
    watched: bool  # by the reader
    thrice: bool  # three times over its limit


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; comes from the address."""

    list: str = "queue"
    group: str = ""
    severity: str = ""
    cls: str = ""
    state: str = ""
    unit: str = ""
    area: str = ""  # code of a division
    over: str = ""  # "1": over, "3": three times over
    soon: bool = False
    answer: bool = False  # the first answer is due soon, or over
    mine: bool = False
    watched: bool = False
    text: str = ""
    after: str = ""

    @classmethod
    def of(cls, name: str, get: Mapping[str, str]) -> Filter:
        """From the parts of an address; whatever is no filter is dropped."""

        def word(key: str) -> str:
            return get.get(key, "")[:40]

        def yes(key: str) -> bool:
            return get.get(key, "") == "1"

        over = get.get("over", "")
        return cls(
            list=name,
            group=word("group"),
            severity=word("severity"),
            cls=word("cls"),
            state=word("state"),
            unit=word("unit"),
            area=word("area"),
            over=over if over in ("1", "3") else "",
            soon=yes("soon"),
            answer=yes("answer"),
            mine=yes("mine"),
            watched=yes("watched"),
            text=get.get("q", "").strip()[:60],
            after=get.get("after", "")[:80],
        ).known()

    def known(self) -> Filter:
        """Without words that name nothing here."""
        return Filter(
            **{
                **{name: getattr(self, name) for name in self.__slots__},
                "group": self.group if self.group in GROUPS else "",
                "severity": self.severity if self.severity in SEVERITY_LABELS else "",
                "cls": self.cls if self.cls in triage_classes() else "",
                "state": self.state if self.state in states.STATES else "",
                "unit": _clean(self.unit),
                "area": _clean(self.area),
            }
        )

    def parts(self) -> dict[str, str]:
        """What stands in the address, without the list and the page of it: a saved filter is this."""
        found = {"q": self.text, "over": self.over}
        found |= {name: getattr(self, name) for name in ("group", "severity", "cls", "state", "unit", "area")}
        found |= {name: "1" for name in ("soon", "answer", "mine", "watched") if getattr(self, name)}
        return {name: value for name, value in found.items() if value}


def _clean(code: str) -> str:
    return code if code.isascii() and code.replace("-", "").replace("_", "").isalnum() else ""


@dataclass(frozen=True, slots=True)
class CasePage:
    """`total` stops at the bound of counts; None: not counted. `searched`: in how many rows words were looked for, if
    the list goes on behind them."""

    items: list[Row]
    next_key: str
    total: int | None
    searched: int = 0


def case_page(actor: Actor, wanted: Filter, limit: int = 50) -> CasePage:
    """A staff list: what runs out first comes first."""
    rows = narrowed(actor, wanted)
    order = _ORDERS.get(wanted.list, _ORDERS["queue"])
    behind = _ordered(rows, order, wanted.after)
    last = _last_searched(behind) if _searches(wanted) else None
    if last is not None:
        behind = _until(behind, order, last)
    if _searches(wanted):
        behind = behind.filter(_says(wanted.text))
    # Nobody works through the whole archive, so nobody counts it.
    is_counted = not _searches(wanted) and (wanted.list != "all" or bool(wanted.parts()))
    found = list(_shown(actor, behind)[: limit + 1])
    page = found[:limit]
    ends = page[-1] if len(found) > limit else last
    return CasePage(
        items=rows_of(actor, page),
        next_key=_key(ends, order) if ends else "",
        total=counted({"all": rows})["all"] if is_counted else None,
        searched=SEARCHED if last is not None else 0,
    )


def cases_for_export(actor: Actor, wanted: Filter, limit: int) -> list[Report]:
    """The same list from its top, as rows for a sheet."""
    order = _ORDERS.get(wanted.list, _ORDERS["queue"])
    rows = narrowed(actor, wanted)
    if _searches(wanted):
        rows = rows.filter(_says(wanted.text))
    return list(_ordered(rows, order, "").select_related("unit", "assignee", "community")[:limit])


def chosen_cases(actor: Actor, public_ids: list[str]) -> list[Report]:
    """Those of the named cases that the actor may see, in the order named. One query."""
    found = access.cases(actor).filter(public_id__in=public_ids).select_related("unit", "community", "assignee")
    by_id = {report.public_id: report for report in found}
    return [by_id[public_id] for public_id in dict.fromkeys(public_ids) if public_id in by_id]


def _shown(actor: Actor, rows: QuerySet[Report]) -> QuerySet[Report]:
    rows = rows.select_related("unit", "assignee").annotate(is_watched=_watched_by(actor))
    return rows.annotate(is_warned=warned()) if actor.has(*access.CLERK_ROLES, "admin") else rows


def rows_of(actor: Actor, reports: list[Report]) -> list[Row]:
    """The lines of these reports. One query, for the pictures."""
    thumbs = thumbs_of([report.pk for report in reports], actor.ref)
    now = clock.now()
    return [row_of(report, now, thumbs.get(report.pk)) for report in reports]


def row_of(report: Report, now: datetime, thumb: str | None) -> Row:
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
        watched=getattr(report, "is_watched", False),
        thrice=report.state in states.WITH_UNIT and report.overdue >= 3,
    )


def narrowed(actor: Actor, wanted: Filter) -> QuerySet[Report]:
    """The list's reports that the filter lets through."""
    inside = GROUPS[wanted.group][1] if wanted.group else LISTS.get(wanted.list, states.WITH_UNIT)
    rows = access.cases(actor).filter(state__in=(wanted.state,) if wanted.state else inside)
    if wanted.state and wanted.list != "all" and not wanted.group:
        rows = rows.filter(state__in=inside)
    if wanted.list == "checks" or wanted.group == "clerk":
        rows = rows.filter(_NOT_DONE_PARTS)
    if wanted.severity:
        rows = rows.filter(severity=wanted.severity)
    if wanted.cls:
        rows = rows.filter(cls=wanted.cls)
    if wanted.unit:
        unit = organisation_by_code(wanted.unit)
        rows = rows.filter(unit_id=unit.id) if unit else rows.none()
    if wanted.area:
        place = division(wanted.area)
        rows = rows.filter(community__path__startswith=place.path) if place else rows.none()
    if wanted.watched:
        rows = rows.filter(_watches_of(actor))
    rows = rows.filter(_late(actor, wanted, clock.now()))
    return rows.filter(_says(wanted.text)) if wanted.text and not _searches(wanted) else rows


def _searches(wanted: Filter) -> bool:
    """Whether the archive is read for words: no index helps, so it is read part by part."""
    return bool(wanted.text) and wanted.list == "all" and parse_number(wanted.text) is None


def _last_searched(rows: QuerySet[Report]) -> Report | None:
    """The row at which a search of this list pauses; None if the list ends before."""
    return rows[SEARCHED - 1 : SEARCHED].first()


def _late(actor: Actor, wanted: Filter, now: datetime) -> Q:
    """What the clocks and the name on a case must be for this filter."""
    found = Q()
    if wanted.over == "1":
        found &= over()
    if wanted.over == "3":
        found &= over(3)
    if wanted.soon:
        found &= soon(now)
    if wanted.answer:
        found &= near_answer(now)
    if wanted.mine:
        found &= Q(assignee_id=actor.person_id)
    return found


def over(times: int = 1) -> Q:
    """With the unit and late, by the clocks' own mark: pauses, working time and extensions are in it."""
    return Q(state__in=states.WITH_UNIT) & late(times)


def soon(now: datetime) -> Q:
    """Not over, and no more than the policy's share of the limit is left."""
    share = current("reports.limits").data.soon
    limit = ExpressionWrapper(F("resolve_due") - F("received_at"), output_field=DurationField())
    left = ExpressionWrapper(F("resolve_due") - Value(now), output_field=DurationField())
    part = ExpressionWrapper(limit * Value(share), output_field=DurationField())
    return Q(state__in=states.WITH_UNIT, resolve_due__gte=now) & Q(LessThan(left, part))


def _watched_by(actor: Actor) -> Exists:
    return Exists(Watch.objects.filter(report=OuterRef("pk"), person_id=actor.person_id or 0))


def _watches_of(actor: Actor) -> Q:
    """The same as a condition: from the few watches to their cases, not the other way round."""
    return Q(pk__in=Watch.objects.filter(person_id=actor.person_id or 0).values("report"))


def _says(text: str) -> Q:
    number = parse_number(text)
    words = text.replace("\0", "")
    return Q(number=number) if number else Q(place__icontains=words) | Q(words__icontains=words)


def _ordered(rows: QuerySet[Report], order: Order, after: str) -> QuerySet[Report]:
    """`rows` in `order`, from behind the key `after` on. A key that is none starts at the top."""
    sign = "-" if order.down else ""
    if order.field == "worst":
        rows = rows.annotate(worst=rank())
    value, _mid, pk = after.partition("~")
    start = _parsed(order, value)
    if start is not None and is_row_key(pk):
        beyond = "lt" if order.down else "gt"
        rows = rows.filter(_past(order.field, beyond, start, f"pk__{beyond}", int(pk)))
    return rows.order_by(f"{sign}{order.field}", f"{sign}pk")


def _until(rows: QuerySet[Report], order: Order, last: Report) -> QuerySet[Report]:
    """Those of `rows` that don't stand behind `last`."""
    beyond = "gt" if order.down else "lt"
    return rows.filter(_past(order.field, beyond, getattr(last, order.field), f"pk__{beyond}e", last.pk))


def _past(field: str, beyond: str, value: object, key: str, pk: int) -> Q:
    """Past this row in the order. The first part is what an index begins with: without it all rows before are read."""
    return Q(**{f"{field}__{beyond}e": value}) & (Q(**{f"{field}__{beyond}": value}) | Q(**{key: pk}))


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


@dataclass(frozen=True, slots=True)
class Area:
    """A street or community that a filter offers."""

    code: str
    name: str
    inner: bool


def areas_for(actor: Actor) -> list[Area]:
    """Where the actor is a clerk: streets, each before its communities. One query."""
    paths = [""] if actor.has("admin") else actor.paths(*access.CLERK_ROLES)
    found = divisions_under(paths, "street", "community")
    return [Area(one.code, one.name, one.level == "community") for one in found[:200]]


def list_counts(actor: Actor) -> dict[str, int]:
    """How many cases each list holds, up to a bound, and how many of the queue are over. One query."""
    rows = access.cases(actor)
    names = ("queue", "incoming", "sorting", "returned", "checks", "confirming")
    lists = {name: rows.filter(state__in=LISTS[name]) for name in names}
    lists["checks"] = lists["checks"].filter(_NOT_DONE_PARTS)
    return counted(lists | {"over": rows.filter(over())})


def chip_counts(actor: Actor) -> dict[str, int]:
    """The numbers on the queue's chips, up to a bound. One query."""
    now = clock.now()
    with_unit = Q(state__in=states.WITH_UNIT)
    # Each names the states once: twice, and the database takes so few rows for granted that it joins them one by one.
    lists: dict[str, Q] = {
        "over": over(),
        "over3": over(3),
        "soon": soon(now),
        "answer": with_unit & near_answer(now),
        "mine": with_unit & Q(assignee_id=actor.person_id),
        "watched": with_unit & _watches_of(actor),
        **{state: Q(state=state) for state in states.WITH_UNIT},
    }
    rows = access.cases(actor)
    return counted({key: rows.filter(one) for key, one in lists.items()})
