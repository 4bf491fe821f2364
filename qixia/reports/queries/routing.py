"""The dispatch catalogue as its page shows it: rows, who would get a case and why, what a draft would have changed.

Last month is the thirty days before now; parts of cases and what was never given a class are left out. Both columns are
what a catalogue says: what people decided besides (returns, decisions) is not counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Min
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from qixia.codes.queries import class_name, division, divisions_by_code, families, triage_classes
from qixia.kernel import clock
from qixia.kernel.geo import Point
from qixia.people.access import Actor
from qixia.people.queries import Org, organisation_by_code, organisations
from qixia.places.queries import locate
from qixia.places.rules import KINDS
from qixia.policy import kinds
from qixia.policy.queries import current, working_calendar
from qixia.reports import access, clocks, dispatching, rules
from qixia.reports.models import Report
from qixia.reports.policy import Routing, RoutingRow

KIND = "reports.routing"
MONTH = timedelta(days=30)
EXAMPLES = 8
_ACTING = ("unit", "property", "community")
FAULT_WORDS = {
    "unit": gettext_noop("没有这家单位"),
    "helper": gettext_noop("协办单位不对"),
    "class": gettext_noop("没有这个类别"),
    "family": gettext_noop("没有这个大类"),
    "site": gettext_noop("没有这种场所"),
    "division": gettext_noop("没有这个区划代码"),
    "twice": gettext_noop("和前面一行的条件一样"),
}
LOST_WORDS = {
    "special": gettext_noop("也合适，但没有那么具体"),
    "site": gettext_noop("场所不对"),
    "division": gettext_noop("不在这一片"),
}


@dataclass(frozen=True, slots=True)
class RowView:
    """One row in words, and as its form has it."""

    number: int
    unit: str
    unit_name: str
    matter: str  # "class:manhole", "family:市政设施" or ""
    matter_name: str
    site_kind: str
    site_name: str
    division: str
    division_name: str
    helpers: str  # codes, with commas
    helper_names: str
    note: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """Who would get it."""

    unit: str
    helpers: list[str]
    row: RowView
    near: list[RowView]
    far: list[RowView]
    cls: str
    cls_name: str
    severity: str
    finding: str
    where: str
    site_name: str
    limits: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class UnitCount:
    name: str
    before: int
    after: int

    @property
    def more(self) -> int:
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Example:
    public_id: str
    number: str
    title: str
    place: str
    before: str
    after: str
    count: int


@dataclass(frozen=True, slots=True)
class EffectView:
    total: int
    moved: int
    units: list[UnitCount]
    examples: list[Example]


def parsed(rows: Sequence[Mapping[str, Any]]) -> Routing:
    """Rows as the rule's shape; Invalid names the first fault."""
    data: Any = kinds.get(KIND).parse({"rows": [dict(row) for row in rows]})
    return data


def known() -> dispatching.Known:
    """What a catalogue may name now."""
    classes = triage_classes()
    rows: Routing = current(KIND).data
    codes = {row.division for row in rows.rows if row.division}
    return dispatching.Known(
        units={unit.code for unit in organisations()},
        classes=set(classes),
        families={row.family for row in classes.values()},
        site_kinds=set(KINDS),
        divisions=_Divisions(codes),
    )


class _Divisions(set[str]):
    """Asks for a code only when a row names it: a city has thousands."""

    def __contains__(self, code: object) -> bool:
        return isinstance(code, str) and division(code) is not None


def row_views(rows: Sequence[RoutingRow], why: Mapping[int, str] | None = None) -> list[RowView]:
    """All rows in words; with `why` only those that it names, by index."""
    chosen = [(index, row) for index, row in enumerate(rows) if why is None or index in why]
    places = divisions_by_code({row.division for _index, row in chosen if row.division})
    names = {unit.code: unit.name for unit in organisations()}
    found = []
    for index, row in chosen:
        place = places.get(row.division or "")
        matter = f"class:{row.cls}" if row.cls else f"family:{row.family}" if row.family else ""
        found.append(
            RowView(
                number=index + 1,
                unit=row.unit,
                unit_name=names.get(row.unit, row.unit),
                matter=matter,
                matter_name=class_name(row.cls) if row.cls else row.family or "",
                site_kind=row.site_kind or "",
                site_name=KINDS.get(row.site_kind or "", ""),
                division=row.division or "",
                division_name=place.name if place else row.division or "",
                helpers=", ".join(row.helpers),
                helper_names="、".join(names.get(code, code) for code in row.helpers),
                note=row.note,
                why=_(why[index]) if why else "",
            )
        )
    return found


def answer(
    rows: Sequence[RoutingRow],
    *,
    cls: str,
    severity: str,
    finding: str = "",
    point: Point | None = None,
    community: str = "",
    site_kind: str = "",
) -> Answer:
    """Who would get a case of this class at a point, or in a community (code) and kind of site."""
    path, kind, where, site = _place(point, community, site_kind)
    found = dispatching.explain(
        rows, cls=cls, family=_family(cls), place=rules.Place(division_path=path, site_kind=kind)
    )
    why = {one.index: LOST_WORDS[one.why] for one in (*found.near, *found.far)}
    lost = {view.number - 1: view for view in row_views(rows, why)} if why else {}
    (row,) = row_views(rows, {found.index: ""})
    return Answer(
        unit=row.unit_name,
        helpers=[name for name in row.helper_names.split("、") if name],
        row=row,
        near=[lost[one.index] for one in found.near],
        far=[lost[one.index] for one in found.far],
        cls=cls,
        cls_name=class_name(cls),
        severity=severity,
        finding=finding,
        where=where,
        site_name=site or KINDS.get(kind, ""),
        limits=_limits(cls, severity, rules.Place(division_path=path, site_kind=kind), row.unit),
    )


def _place(point: Point | None, community: str, site_kind: str) -> tuple[str, str, str, str]:
    if point is not None:
        here = locate(point)
        return (
            here.community.path if here.community else "",
            here.site.kind if here.site else "",
            here.describe,
            here.site.name if here.site else "",
        )
    place = division(community) if community else None
    return (place.path if place else "", site_kind if site_kind in KINDS else "", place.name if place else "", "")


def _limits(cls: str, severity: str, place: rules.Place, unit: str) -> list[tuple[str, str]]:
    """How long each step may take there, as the rule says it."""
    found, start = organisation_by_code(unit), clock.now()
    terms = clocks.due(
        current("reports.limits").data,
        working_calendar().work,
        cls=cls,
        family=_family(cls),
        severity=severity,
        place=place,
        unit_kind=found.kind if found else "",
        start=start,
    ).terms
    return [(_("接收"), str(terms.receive)), (_("修好"), str(terms.resolve)), (_("核实"), str(terms.verify))]


def _family(cls: str) -> str:
    known_classes = triage_classes()
    return known_classes[cls].family if cls in known_classes else ""


def matters() -> dict[str, list[tuple[str, str]]]:
    """Classes by family for a form: slug and name."""
    return {family: [(row.slug, row.name) for row in rows] for family, rows in families().items()}


def units() -> list[Org]:
    used = {row.unit for row in current(KIND).data.rows}
    return [unit for unit in organisations() if unit.kind in _ACTING or unit.code in used]


def effect(actor: Actor, draft: Sequence[RoutingRow]) -> EffectView:
    """What a draft would have done to last month. Three queries, whatever the month was like."""
    groups = _groups()
    found = dispatching.effect(current(KIND).data.rows, draft, groups)
    names = {unit.code: unit.name for unit in organisations()}
    counts = [
        UnitCount(names.get(code, code), found.before[code], found.after[code])
        for code in sorted(found.before | found.after)
        if found.before[code] != found.after[code]
    ]
    counts.sort(key=lambda one: -abs(one.more))
    return EffectView(found.total, found.moved, counts, _examples(actor, found.changes[:EXAMPLES], names))


def _groups() -> list[dispatching.Group]:
    rows = (
        Report.objects.filter(received_at__gte=clock.now() - MONTH, part_of=None)
        .exclude(cls="")
        .order_by()
        .values_list("cls", "community__path", "site__kind")
        .annotate(n=Count("pk"), example=Min("pk"))
    )
    return [
        dispatching.Group(cls, _family(cls), rules.Place(path or "", kind or ""), count, example)
        for cls, path, kind, count, example in rows
    ]


def _examples(actor: Actor, changes: Sequence[dispatching.Change], names: Mapping[str, str]) -> list[Example]:
    keys = [change.group.example for change in changes]
    reports = access.cases(actor).filter(pk__in=keys).only("public_id", "number", "cls", "place").in_bulk()
    return [
        Example(
            public_id=reports[change.group.example].public_id,
            number=reports[change.group.example].number,
            title=class_name(change.group.cls),
            place=reports[change.group.example].place,
            before=names.get(change.before, change.before),
            after=names.get(change.after, change.after),
            count=change.group.count,
        )
        for change in changes
        if change.group.example in reports
    ]


def unit_names(text: str) -> list[str]:
    """Codes from what was typed: codes or names, with commas."""
    typed = [part.strip() for part in text.replace("，", ",").replace("、", ",").split(",") if part.strip()]
    by_name = {unit.name: unit.code for unit in organisations()} if typed else {}
    return [one if organisation_by_code(one) else by_name.get(one, one) for one in typed]
