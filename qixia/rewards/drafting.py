"""What a draft of the table would have paid for what was done. Pure: rows of awards in, sums out.

Units    whole points; a row is what one person did on one day by one rule under the same facts, `count` times.
Exact    for what each person gets a day: caps take from whichever rule comes later in the day, so between rules of one
         day the draft's sums may shift, their total does not. Rows come ordered by person, then by day.
Unknown  what happened before the first row (the week's points, a campaign's) and where. A campaign for one division is
         sure for whom the books say it paid; else it gives a range, from nobody there to all there (`anywhere`).
Coming   a campaign that has not begun is moved to the days before today, as many as it will run (`supposed`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import groupby

from qixia.rewards import rules

# Fewer riders than this are not counted out: who they are could be guessed.
FEW = 5
BANDS: tuple[tuple[int, int], ...] = ((-(10**9), -51), (-50, -11), (-10, -1), (1, 10), (11, 50), (51, 10**9))


@dataclass(frozen=True, slots=True)
class Done:
    """Awards alike: one person, day, rule, quality and campaign. `paid`: what the books paid for all of them."""

    person: str
    day: date
    rule: str
    quality: str
    campaign: str
    count: int
    paid: int


@dataclass(slots=True)
class Sum:
    count: int = 0
    paid: int = 0
    would: int = 0

    @property
    def more(self) -> int:
        return self.would - self.paid


@dataclass(slots=True)
class Effect:
    """`changes`: difference of a person's month → how many persons."""

    all: Sum = field(default_factory=Sum)
    by_rule: dict[str, Sum] = field(default_factory=dict)
    changes: Counter[int] = field(default_factory=Counter)

    @property
    def riders(self) -> int:
        return self.changes.total()

    @property
    def changed(self) -> int:
        return self.changes.total() - self.changes[0]

    def band(self, low: int, high: int) -> int:
        return sum(count for change, count in self.changes.items() if low <= change <= high)

    def mean_of_most(self, *, gained: bool) -> int | None:
        """The mean change of the FEW riders who gain, or lose, most. None where fewer do."""
        found: list[int] = []
        for change in sorted(self.changes, reverse=gained):
            if (change > 0) == gained and change:
                found += [change] * self.changes[change]
        return round(sum(found[:FEW]) / FEW) if len(found) >= FEW else None


def effect(draft: rules.PointsPolicy, rows: Iterable[Done], line_of: Callable[[str], rules.PointRule | None]) -> Effect:
    """What `draft` would have paid. `line_of`: its line for a rule, None where it has none any more."""
    return effects([draft], rows, line_of)[0]


def effects(
    drafts: Sequence[rules.PointsPolicy], rows: Iterable[Done], line_of: Callable[[str], rules.PointRule | None]
) -> list[Effect]:
    """The same for drafts that differ in their campaigns alone, in one reading of `rows`."""
    found = [(draft, Effect(), Counter[str]()) for draft in drafts]
    for _person, theirs in groupby(rows, key=lambda row: row.person):
        kept = list(theirs)
        for draft, sums, given in found:
            sums.changes[_of_person(draft, kept, line_of, sums, given)] += 1
    return [sums for _draft, sums, _given in found]


def supposed(draft: rules.PointsPolicy, today: date, days: int) -> tuple[rules.PointsPolicy, dict[str, int]]:
    """The draft as if its campaigns that have not begun had run until yesterday, and for how many days each: as many as
    it will run, `days` at most."""
    coming = {
        slug: min((one.last - one.first).days + 1, days) for slug, one in draft.campaigns.items() if one.first >= today
    }
    moved = {
        slug: one.model_copy(update={"first": today - timedelta(days=coming[slug]), "last": today - timedelta(days=1)})
        for slug, one in draft.campaigns.items()
        if slug in coming
    }
    return draft.model_copy(update={"campaigns": {**draft.campaigns, **moved}}), coming


def unsure(draft: rules.PointsPolicy, base: rules.PointsPolicy, since: date) -> list[str]:
    """Campaigns for one division of which the books do not say where it held: those that did not run as they are drafted."""

    def sure(slug: str, one: rules.Campaign) -> bool:
        ran = base.campaigns.get(slug)
        return ran is not None and _where(ran) == _where(one)

    return [slug for slug, one in draft.campaigns.items() if one.division and one.last >= since and not sure(slug, one)]


def _where(one: rules.Campaign) -> tuple[object, ...]:
    return one.first, one.last, one.division, one.rules


def anywhere(draft: rules.PointsPolicy, slugs: Iterable[str]) -> rules.PointsPolicy:
    """The draft with these campaigns everywhere: the most that it can have paid."""
    free = {slug: draft.campaigns[slug].model_copy(update={"division": ""}) for slug in slugs}
    return draft.model_copy(update={"campaigns": {**draft.campaigns, **free}})


def _of_person(
    draft: rules.PointsPolicy,
    rows: Iterable[Done],
    line_of: Callable[[str], rules.PointRule | None],
    found: Effect,
    given: Counter[str],
) -> int:
    """One person's rows; adds to the sums and returns the difference."""
    by_day: Counter[tuple[date, str]] = Counter()
    mine: Counter[str] = Counter()
    change = 0
    for row in rows:
        line, would = line_of(row.rule), 0
        for _time in range(row.count):
            if line is None:
                break
            shares = {slug: rules.Share(mine[slug], given[slug]) for slug in draft.campaigns}
            earned = rules.earn(line, draft, _facts(draft, row), _had(by_day, row), shares)
            if not earned.points:
                break  # all the same, and a cap is reached
            would += earned.points
            by_day[row.day, row.rule] += earned.points - earned.bonus
            mine[earned.campaign] += earned.bonus
            given[earned.campaign] += earned.bonus
        for sums in (found.all, found.by_rule.setdefault(row.rule, Sum())):
            sums.count, sums.paid, sums.would = sums.count + row.count, sums.paid + row.paid, sums.would + would
        change += would - row.paid
    return change


def _facts(draft: rules.PointsPolicy, row: Done) -> rules.Facts:
    ran = draft.campaigns.get(row.campaign)
    quality = tuple(row.quality.split(",")) if row.quality else ()
    return rules.Facts(row.rule, row.day, quality, path=ran.division if ran else "")


def _had(by_day: Counter[tuple[date, str]], row: Done) -> rules.Had:
    monday = rules.week_of(row.day)
    week = [(day, rule, got) for (day, rule), got in by_day.items() if monday <= day <= row.day]
    return rules.Had(
        rule_day=by_day[row.day, row.rule],
        rule_week=sum(got for _day, rule, got in week if rule == row.rule),
        day=sum(got for day, _rule, got in week if day == row.day),
        week=sum(got for _day, _rule, got in week),
    )
