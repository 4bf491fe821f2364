"""Who may have an item: a rule as data on the item, held against what is known of a rider. Pure: no Django, no clock.

Truth    `Item.eligibility` is an `Eligibility` as JSON; none means everybody. All conditions that are set must hold.
Units    whole points, days of the city. Places are codes of divisions; paths as codes keeps them ("350000/350500/").
Errors   pydantic's ValidationError for a rule that says nothing sensible.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Employer = Literal["platform", "courier"]


class Eligibility(BaseModel):
    """Conditions; what is not set asks for nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    employers: tuple[Employer, ...] = Field((), description="riders of platforms, of couriers; empty: of either")
    earned_points: int | None = Field(None, ge=1, le=1_000_000, description="so many points earned …")
    earned_days: int | None = Field(None, ge=1, le=366, description="… within so many days")
    joined_days: int | None = Field(None, ge=1, le=3660, description="joined so long ago at least")
    divisions: tuple[str, ...] = Field((), max_length=50, description="works in one of these places, by code")
    unknown_place: bool = Field(True, description="who has no place on record is let in too")

    @model_validator(mode="after")
    def _points_and_days_belong_together(self) -> Eligibility:
        if (self.earned_points is None) != (self.earned_days is None):
            raise ValueError("points and days belong together")
        return self

    @property
    def is_open(self) -> bool:
        """Asks for nothing."""
        return not (self.employers or self.earned_points or self.joined_days or self.divisions)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a rider. `earned`: days → points earned in so many days; `paths`: where he or she works, empty
    where nobody wrote it down."""

    employers: frozenset[str] = frozenset()
    joined_on: date | None = None
    paths: tuple[str, ...] = ()
    earned: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lack:
    """One condition that does not hold. `short`: points or days that are missing; `on`: the day from which it holds."""

    kind: Literal["employer", "earned", "joined", "place"]
    short: int = 0
    on: date | None = None


def lacks(rule: Eligibility, known: Known, today: date, places: Mapping[str, str]) -> Sequence[Lack]:
    """What is missing, in the order of the form; empty for who may. `places`: code → path of the divisions named."""
    found = []
    if rule.employers and not known.employers & set(rule.employers):
        found.append(Lack("employer"))
    if rule.earned_points and rule.earned_days:
        short = rule.earned_points - known.earned.get(rule.earned_days, 0)
        if short > 0:
            found.append(Lack("earned", short))
    if rule.joined_days:
        since = known.joined_on or today
        on = since + timedelta(days=rule.joined_days)
        if on > today:
            found.append(Lack("joined", (on - today).days, on))
    if rule.divisions and not _is_there(rule, known, places):
        found.append(Lack("place"))
    return found


def _is_there(rule: Eligibility, known: Known, places: Mapping[str, str]) -> bool:
    if not known.paths:
        return rule.unknown_place
    wanted = [places[code] for code in rule.divisions if code in places]
    return any(path.startswith(root) for path in known.paths for root in wanted)
