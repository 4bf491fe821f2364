"""What a draft of the points' table would have paid last month: read from the books alone.

No rider is joined with a report: an award keeps its rule, day and the facts that a table may weigh. One statement,
grouped by the database and read in pieces. What a sign holds counts as what it promises; anonymous points (one worth,
paid for many at once) and what appeals gave back are left out. Last month is the thirty days before today.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from django.db.models import Count, F, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from qixia.codes.queries import class_name, triage_classes
from qixia.kernel import clock
from qixia.policy import kinds
from qixia.policy import queries as policy
from qixia.rewards import drafting, rules
from qixia.rewards.models import Posting

KIND = "rewards.points"
DAYS = 30
_PIECE = 2000


@dataclass(frozen=True, slots=True)
class Changed:
    title: str
    count: int
    paid: int
    would: int

    @property
    def more(self) -> int:
        return self.would - self.paid


@dataclass(frozen=True, slots=True)
class Band:
    """How many riders' month changes by this much; None: some, but too few to say."""

    words: str
    riders: int | None


@dataclass(frozen=True, slots=True)
class EffectView:
    paid: int
    would: int
    count: int
    riders: int
    changed: int | None
    bands: list[Band]
    most_gained: int | None
    most_lost: int | None
    lines: list[Changed]
    few: int = drafting.FEW

    @property
    def more(self) -> int:
        return self.would - self.paid

    @property
    def percent(self) -> int | None:
        return round(100 * self.more / self.paid) if self.paid else None


@dataclass(frozen=True, slots=True)
class Latest:
    """The version that the next one follows, in force or not yet."""

    version: int
    data: rules.PointsPolicy


def latest_table() -> Latest:
    found = max(policy.versions(KIND), key=lambda one: one.version)
    return Latest(found.version, found.data)


def parse_table(data: object) -> rules.PointsPolicy:
    """A draft in its shape; Invalid names the place of the first fault."""
    return cast(rules.PointsPolicy, kinds.get(KIND).parse(data))


def draft_effect(draft: rules.PointsPolicy) -> EffectView:
    """One statement, whatever the month was like; most of the time goes into counting caps anew."""
    names = {slug: found.name for slug, found in triage_classes().items()}
    lines: dict[str, rules.PointRule | None] = {}

    def line_of(rule: str) -> rules.PointRule | None:
        if rule not in lines:
            known = rule in draft.rules or rule in names or rule == rules.SUPPORT
            lines[rule] = draft.line(rule, names) if known else None
        return lines[rule]

    found = drafting.effect(draft, _done(), line_of)
    changed = [
        Changed(_title(slug, draft), one.count, one.paid, one.would)
        for slug, one in found.by_rule.items()
        if one.paid != one.would
    ]
    return EffectView(
        paid=found.all.paid,
        would=found.all.would,
        count=found.all.count,
        riders=found.riders,
        changed=_shown(found.changed),
        bands=[Band(_band(low, high), _shown(found.band(low, high))) for low, high in drafting.BANDS],
        most_gained=found.mean_of_most(gained=True),
        most_lost=found.mean_of_most(gained=False),
        lines=sorted(changed, key=lambda one: (-abs(one.more), one.title)),
    )


def _done() -> Iterator[drafting.Done]:
    today = clock.city_date(clock.now())
    rows = (
        Posting.objects.filter(
            kind__in=(rules.AWARD, rules.HOLD), pays=None, day__gte=today - timedelta(days=DAYS), day__lt=today
        )
        .exclude(rule=rules.ANONYMOUS)
        .exclude(act__in=rules.DECIDED)
        .values("beneficiary", "day", "rule", "quality", "campaign")
        .annotate(count=Count("id"), paid=Coalesce(Sum(F("points") + F("promised")), 0))
        .order_by("beneficiary", "day", "rule", "quality", "campaign")
    )
    for row in rows.iterator(chunk_size=_PIECE):
        yield drafting.Done(
            row["beneficiary"],
            row["day"],
            row["rule"],
            row["quality"] or "",
            row["campaign"] or "",
            row["count"],
            row["paid"],
        )


def _shown(riders: int) -> int | None:
    return riders if not riders or riders >= drafting.FEW else None


def _band(low: int, high: int) -> str:
    if low <= drafting.BANDS[0][0]:
        return _("少 %(n)d 分以上") % {"n": -high}
    if high >= drafting.BANDS[-1][1]:
        return _("多 %(n)d 分以上") % {"n": low}
    if low < 0:
        return _("少 %(a)d 到 %(b)d 分") % {"a": -high, "b": -low}
    return _("多 %(a)d 到 %(b)d 分") % {"a": low, "b": high}


def _title(slug: str, table: rules.PointsPolicy) -> str:
    if slug in triage_classes():
        return class_name(slug)
    line = table.rules.get(slug)
    return _(line.title) if line and line.title else slug


@dataclass(frozen=True, slots=True)
class TableLine:
    """A line of the table as the console shows and edits it."""

    slug: str
    title: str
    family: str
    points: int
    day_cap: Any
    week_cap: Any
    note: str


def table_lines(table: rules.PointsPolicy) -> list[TableLine]:
    """All lines that the table itself has, as it orders them."""
    classes = triage_classes()
    return [
        TableLine(
            slug,
            _title(slug, table),
            _(classes[slug].family) if slug in classes else _("上报以外"),
            line.points,
            line.day_cap,
            line.week_cap,
            _(line.note) if line.note else "",
        )
        for slug, line in table.rules.items()
    ]
