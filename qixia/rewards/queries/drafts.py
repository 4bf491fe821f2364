"""What a draft of the points' table would have paid last month: read from the books alone.

No rider is joined with a report: an award keeps its rule, day and the facts that a table may weigh. One statement,
grouped by the database and read in pieces. What a sign holds counts as what it promises; anonymous points (one worth,
paid for many at once) and what appeals gave back are left out. Last month is the thirty days before today. The books do
not say where: a campaign for one division gives a range.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from django.db.models import Count, F, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from qixia.codes.queries import class_name, divisions_by_code, divisions_under, families, triage_classes
from qixia.kernel import clock
from qixia.policy import kinds
from qixia.policy import queries as policy
from qixia.rewards import drafting, rules
from qixia.rewards.errors import NoSuchMatter, NoSuchPlace
from qixia.rewards.models import Posting

KIND = "rewards.points"
DAYS = 30
_PIECE = 2000
_INDENT = {"street": "　", "community": "　　"}


@dataclass(frozen=True, slots=True)
class Changed:
    title: str
    count: int
    paid: int
    least: int
    would: int

    @property
    def more(self) -> int:
        return self.would - self.paid

    @property
    def least_more(self) -> int:
        return self.least - self.paid


@dataclass(frozen=True, slots=True)
class Supposed:
    """A campaign that has not begun, counted as if it had: over how many days."""

    title: str
    days: int


@dataclass(frozen=True, slots=True)
class Unsure:
    """A campaign for one division: the books do not say which acts were there."""

    title: str
    place: str


@dataclass(frozen=True, slots=True)
class Band:
    """How many riders' month changes by this much; None: some, but too few to say."""

    words: str
    riders: int | None


@dataclass(frozen=True, slots=True)
class EffectView:
    """`would` is the most where `unsure` names campaigns, `least` the least; else both are the same. Riders, bands and
    means are of the most."""

    paid: int
    least: int
    would: int
    count: int
    riders: int
    changed: int | None
    bands: list[Band]
    most_gained: int | None
    most_lost: int | None
    lines: list[Changed]
    supposed: list[Supposed]
    unsure: list[Unsure]
    few: int = drafting.FEW

    @property
    def more(self) -> int:
        return self.would - self.paid

    @property
    def least_more(self) -> int:
        return self.least - self.paid

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
    """A draft in its shape that names nothing unknown; Invalid names the place of the first fault."""
    draft = cast(rules.PointsPolicy, kinds.get(KIND).parse(data))
    refuse_unknown(draft)
    return draft


def refuse_unknown(table: rules.PointsPolicy) -> None:
    """NoSuchMatter or NoSuchPlace where a campaign that is not over names what there is not: it would pay nobody, and riders
    would be promised it. A class that was closed does not stop a change for the sake of a campaign long past."""
    today = clock.city_date(clock.now())
    ahead = [one for one in table.campaigns.values() if one.last >= today]
    named = {rule for one in ahead for rule in one.rules} - set(table.rules)
    unknown = named - set(triage_classes()) - {rules.SUPPORT, rules.ANONYMOUS} if named else set()
    codes = {one.division for one in ahead if one.division}
    places = divisions_by_code(codes) if codes else {}
    for one in ahead:
        for rule in one.rules:
            if rule in unknown:
                raise NoSuchMatter(field="data", title=one.title, value=rule)
        if one.division and one.division not in places:
            raise NoSuchPlace(field="data", title=one.title, value=one.division)


def draft_effect(draft: rules.PointsPolicy, base: rules.PointsPolicy) -> EffectView:
    """One statement over the books, whatever the month was like, and one for names where a place is unsure; most of the time
    goes into counting caps anew. `base`: the table that the draft would follow."""
    today = clock.city_date(clock.now())
    draft, coming = drafting.supposed(draft, today, DAYS)
    unsure = drafting.unsure(draft, base, today - timedelta(days=DAYS))
    ways = [draft, drafting.anywhere(draft, unsure)] if unsure else [draft]
    names = {slug: found.name for slug, found in triage_classes().items()}
    lines: dict[str, rules.PointRule | None] = {}

    def line_of(rule: str) -> rules.PointRule | None:
        if rule not in lines:
            known = rule in draft.rules or rule in names or rule == rules.SUPPORT
            lines[rule] = draft.line(rule, names) if known else None
        return lines[rule]

    counted = drafting.effects(ways, _done(), line_of)
    least, found = counted[0], counted[-1]
    changed = [
        Changed(_title(slug, draft), one.count, one.paid, least.by_rule[slug].would, one.would)
        for slug, one in found.by_rule.items()
        if not one.paid == one.would == least.by_rule[slug].would
    ]
    return EffectView(
        paid=found.all.paid,
        least=least.all.would,
        would=found.all.would,
        count=found.all.count,
        riders=found.riders,
        changed=_shown(found.changed),
        bands=[Band(_band(low, high), _shown(found.band(low, high))) for low, high in drafting.BANDS],
        most_gained=found.mean_of_most(gained=True),
        most_lost=found.mean_of_most(gained=False),
        lines=sorted(changed, key=lambda one: (-abs(one.more), one.title)),
        supposed=[Supposed(draft.campaigns[slug].title, days) for slug, days in coming.items()],
        unsure=_unsure(draft, unsure),
    )


def _unsure(draft: rules.PointsPolicy, slugs: list[str]) -> list[Unsure]:
    found = [draft.campaigns[slug] for slug in slugs]
    places = divisions_by_code(one.division for one in found) if found else {}
    return [Unsure(one.title, places[one.division].name) for one in found if one.division in places]


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


# ── what a campaign may name ──────────────────────────────────────────────────
def matters(table: rules.PointsPolicy, chosen: Iterable[str] = ()) -> dict[str, list[tuple[str, str]]]:
    """Family → (slug, title): every class, and the table's other lines; one that nothing earns yet only where it is
    `chosen`. Families as the table's page names them."""
    kept = set(chosen)
    found = {family: [(row.slug, row.name) for row in rows] for family, rows in families().items()}
    known = triage_classes()
    others = [
        (slug, _title(slug, table))
        for slug, line in table.rules.items()
        if slug not in known and (not line.planned or slug in kept)
    ]
    return found | {_("上报以外"): others} if others else found


def campaign_places(chosen: Iterable[str] = ()) -> dict[str, str]:
    """Code → name of the divisions that a campaign may be for, the whole before its parts; and of those `chosen` that are
    of another level. One query, two at most."""
    rows = divisions_under([""], "district", "street", "community")
    found = {row.code: _INDENT.get(row.level, "") + row.name for row in rows}
    missing = {code for code in chosen if code} - set(found)
    return found | {code: row.name for code, row in divisions_by_code(missing).items()} if missing else found


def place_names(codes: Iterable[str]) -> dict[str, str]:
    """Code → name, for those that there are; no query for none."""
    asked = {code for code in codes if code}
    return {code: row.name for code, row in divisions_by_code(asked).items()} if asked else {}
