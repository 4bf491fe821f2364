"""The table of rules in plain words, for riders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils.translation import gettext as _

from qixia.codes.queries import class_name, class_names, division, triage_classes
from qixia.kernel import clock
from qixia.policy import queries as policy
from qixia.rewards import rules

SOON = 14


@dataclass(frozen=True, slots=True)
class RuleLine:
    slug: str
    title: str
    points: int
    day_cap: int | None
    week_cap: int | None
    who: str
    note: str


@dataclass(frozen=True, slots=True)
class RunningCampaign:
    """One that holds today, or begins within `SOON` days."""

    title: str
    note: str
    first: date
    last: date
    is_running: bool
    percent: int
    bonus: int
    person_cap: int | None
    total_cap: int | None
    rules: list[str]
    division: str

    @property
    def times(self) -> str:
        """1.5 for 150 %."""
        return f"{self.percent / 100:g}"


@dataclass(frozen=True, slots=True)
class RuleBook:
    """The table in force, for riders: classes by family, dearest first; then acts other than reporting."""

    version: int
    valid_from: datetime
    day_cap: int | None
    week_cap: int | None
    qualities: list[tuple[str, int]]  # those that change something: title, percent
    campaigns: list[RunningCampaign]
    appeal_days: int
    cancel_returns: int
    expiry_returns: int
    families: list[tuple[str, list[RuleLine]]]
    acts: list[RuleLine]


def rule_book() -> RuleBook:
    """No query in a busy process."""
    in_force = policy.current("rewards.points")
    data: rules.PointsPolicy = in_force.data
    classes = triage_classes()
    names = {slug: found.name for slug, found in classes.items()}
    families: dict[str, list[RuleLine]] = {}
    for slug, found in classes.items():
        families.setdefault(_(found.family), []).append(_rule_line(slug, data.line(slug, names)))
    for lines in families.values():
        lines.sort(key=lambda line: -line.points)
    ordered = sorted(families.items(), key=lambda pair: -max(line.points for line in pair[1]))
    acts = [
        _rule_line(slug, data.line(slug, names))
        for slug, line in data.rules.items()
        if not (slug in classes or line.planned)
    ]
    return RuleBook(
        in_force.version,
        in_force.valid_from,
        data.day_cap,
        data.week_cap,
        [(_(one.title), one.percent) for one in data.qualities.values() if one.percent != 100],
        _campaigns(data, names),
        policy.current("rewards.holds").data.appeal_days,
        data.cancel_returns,
        data.expiry_returns,
        ordered,
        acts,
    )


def _campaigns(data: rules.PointsPolicy, names: Mapping[str, str]) -> list[RunningCampaign]:
    today = clock.city_date(clock.now())
    found = [one for one in data.campaigns.values() if one.first - timedelta(days=SOON) <= today <= one.last]
    return [
        RunningCampaign(
            _(one.title),
            _(one.note) if one.note else "",
            one.first,
            one.last,
            one.first <= today,
            one.percent,
            one.bonus,
            one.person_cap,
            one.total_cap,
            [
                # One that is gone stays as it is written: without it the campaign would read as if it held for all.
                rule_title(slug, data.line(slug, names).title) if slug in data.rules or slug in names else slug
                for slug in one.rules
            ],
            _place(one.division),
        )
        for one in sorted(found, key=lambda one: (one.first, one.title))
    ]


def _place(code: str) -> str:
    found = division(code) if code else None
    return found.name if found else code


def _rule_line(slug: str, line: rules.PointRule) -> RuleLine:
    return RuleLine(
        slug,
        rule_title(slug, line.title),
        line.points,
        line.day_cap,
        line.week_cap,
        _(rules.WHO[line.who]),
        _(line.note) if line.note else "",
    )


def rule_title(rule: str, title: str) -> str:
    """What a rule is called, in the reader's language where it has a name in it: its class's, or the shipped one."""
    if title and title == class_names(rule)["zh"]:
        return class_name(rule)
    return _(title) if title else ""
