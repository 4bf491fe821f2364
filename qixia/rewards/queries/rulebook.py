"""The table of rules in plain words, for riders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from qixia.codes.queries import class_name, class_names, triage_classes
from qixia.policy import queries as policy
from qixia.rewards import rules


@dataclass(frozen=True, slots=True)
class RuleLine:
    slug: str
    title: str
    points: int
    day_cap: int | None
    who: str
    note: str


@dataclass(frozen=True, slots=True)
class RuleBook:
    """The table in force, for riders: classes by family, dearest first; then acts other than reporting."""

    version: int
    valid_from: datetime
    day_cap: int | None
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
        data.cancel_returns,
        data.expiry_returns,
        ordered,
        acts,
    )


def _rule_line(slug: str, line: rules.PointRule) -> RuleLine:
    return RuleLine(
        slug,
        rule_title(slug, line.title),
        line.points,
        line.day_cap,
        _(rules.WHO[line.who]),
        _(line.note) if line.note else "",
    )


def rule_title(rule: str, title: str) -> str:
    """What a rule is called, in the reader's language where it has a name in it: its class's, or the shipped one."""
    if title and title == class_names(rule)["zh"]:
        return class_name(rule)
    return _(title) if title else ""
