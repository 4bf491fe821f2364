"""Who would get it, and why: the dispatch catalogue explained, checked, and tried on what has happened. No database.

Decides  rules.route: the most special row that fits. Here each other row says why it did not.
Faults   what the shape cannot know: units, classes and places that do not exist, and rows that can never be asked.
Effect   of a draft: the same cases by two catalogues. Cases are given in groups that no row can tell apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from qixia.reports import rules
from qixia.reports.policy import RoutingRow


@dataclass(frozen=True, slots=True)
class Lost:
    """A row that did not decide. `why`: class, family, site, division (it does not fit), or special (a more special one
    does)."""

    index: int
    row: RoutingRow
    why: str


@dataclass(frozen=True, slots=True)
class Explained:
    index: int
    row: RoutingRow
    near: list[Lost]  # fits too, and another one is more special
    far: list[Lost]  # speaks of this class or family, and does not fit


def explain(rows: Sequence[RoutingRow], *, cls: str, family: str, place: rules.Place) -> Explained:
    """The row that decides, those that fit and lose, and those of the same matter that do not fit."""
    won = rules.route(rows, cls=cls, family=family, place=place).row
    lost = [
        Lost(index, row, why_not(row, cls, family, place) or "special")
        for index, row in enumerate(rows)
        if row is not won
    ]
    near = [one for one in lost if one.why == "special"]
    far = [one for one in lost if one.why in ("site", "division") and (one.row.cls or one.row.family)]
    return Explained(next(i for i, row in enumerate(rows) if row is won), won, near, far)


def why_not(row: RoutingRow, cls: str, family: str, place: rules.Place) -> str:
    """The first thing that keeps a row from fitting; "" if it fits."""
    if row.cls not in (None, cls):
        return "class"
    if row.family not in (None, family):
        return "family"
    if row.site_kind not in (None, place.site_kind):
        return "site"
    if row.division is not None and row.division not in place.division_path.split("/"):
        return "division"
    return ""


@dataclass(frozen=True, slots=True)
class Known:
    """What a catalogue may name."""

    units: Collection[str]
    classes: Collection[str]
    families: Collection[str]
    site_kinds: Collection[str]
    divisions: Collection[str]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in row `index` that cannot be: unit, helper, class, family, site, division, twice."""

    index: int
    what: str
    named: str


def faults(rows: Sequence[RoutingRow], known: Known) -> list[Fault]:
    """What is wrong with a draft, row by row; empty if it may be published."""
    found, seen = [], set()
    for index, row in enumerate(rows):
        named = [
            ("unit", row.unit, known.units),
            ("class", row.cls, known.classes),
            ("family", row.family, known.families),
            ("site", row.site_kind, known.site_kinds),
            ("division", row.division, known.divisions),
            *(("helper", code, known.units) for code in row.helpers),
        ]
        found += [Fault(index, what, name) for what, name, among in named if name is not None and name not in among]
        if row.unit in row.helpers:
            found.append(Fault(index, "helper", row.unit))
        asked = (row.cls, row.family, row.site_kind, row.division)
        if asked in seen:
            found.append(Fault(index, "twice", row.cls or row.family or ""))
        seen.add(asked)
    return found


@dataclass(frozen=True, slots=True)
class Group:
    """Cases that no catalogue can tell apart: how many, and one of them by its key."""

    cls: str
    family: str
    place: rules.Place
    count: int
    example: int


@dataclass(frozen=True, slots=True)
class Change:
    """Cases that would have gone elsewhere."""

    group: Group
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Effect:
    """Counts by unit under both catalogues, and what moved, the most cases first."""

    before: Counter[str] = field(default_factory=Counter)
    after: Counter[str] = field(default_factory=Counter)
    changes: list[Change] = field(default_factory=list)

    @property
    def moved(self) -> int:
        return sum(change.group.count for change in self.changes)

    @property
    def total(self) -> int:
        return sum(self.before.values())


def effect(now: Sequence[RoutingRow], draft: Sequence[RoutingRow], groups: Iterable[Group]) -> Effect:
    """What `draft` would have done to these cases."""
    found = Effect()
    for group in groups:
        before = rules.route(now, cls=group.cls, family=group.family, place=group.place).unit
        after = rules.route(draft, cls=group.cls, family=group.family, place=group.place).unit
        found.before[before] += group.count
        found.after[after] += group.count
        if before != after:
            found.changes.append(Change(group, before, after))
    found.changes.sort(key=lambda change: -change.group.count)
    return found
