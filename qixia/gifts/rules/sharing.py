"""Who gets how many: the policy "gifts.sharing" and the arithmetic of shares.

Order    needs first (each its percent of the kits), then lanes (communities or platforms, in proportion to how many of
         theirs are still without), then one draw among all that are left. What a group cannot use goes on to the next.
Units    kits, percent of the kits, hours, days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Slug = Field(pattern=r"^[a-z_]{2,16}$")


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Kind(_Shape):
    """A kind of campaign, such as 冬季暖心."""

    slug: str = Slug
    title: str = Field(min_length=2, max_length=12)
    icon: str


class Need(_Shape):
    """A group that goes first. `check`: newcomer (registered for at most `days`), word (what the rider says) or desk
    (a clerk has to agree)."""

    slug: str = Slug
    title: str = Field(min_length=2, max_length=24)
    check: Literal["newcomer", "word", "desk"]
    days: int = Field(default=90, ge=1, le=3650)
    percent: int = Field(ge=0, le=100)


class Lanes(_Shape):
    """By what quotas are made, and how much of the kits goes through them."""

    by: Literal["community", "platform"]
    percent: int = Field(ge=0, le=100)


class SharingPolicy(_Shape):
    kinds: tuple[Kind, ...]
    needs: tuple[Need, ...]
    lanes: Lanes
    smallest: int = Field(ge=1, le=50)  # numbers below are not shown to the public
    undo_hours: int = Field(ge=1, le=72)
    deputy_hours: int = Field(ge=1, le=240)
    remind_days: int = Field(ge=1, le=30)
    collect_days: int = Field(default=3, ge=1, le=60)  # at least so long there is to collect what was drawn
    end_days: int = Field(default=30, ge=1, le=365)  # so long after its last day a campaign ends by itself
    guesses: int = Field(default=10, ge=3, le=100)  # wrong numbers at a counter in `guess_minutes`
    guess_minutes: int = Field(default=10, ge=1, le=120)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if sum(one.percent for one in self.needs) + self.lanes.percent > 100:
            raise ValueError("the percents of needs and lanes make more than 100")
        for group in (self.kinds, self.needs):
            if len({one.slug for one in group}) != len(group):
                raise ValueError("a slug stands twice")
        return self

    def kind(self, slug: str) -> Kind | None:
        return next((one for one in self.kinds if one.slug == slug), None)

    def need(self, slug: str) -> Need | None:
        return next((one for one in self.needs if one.slug == slug), None)


def need_shares(kits: int, needs: Sequence[tuple[str, int]], waiting: Mapping[str, int]) -> dict[str, int]:
    """Kits for each need (slug, percent), in order: its percent rounded down, at most as many as there are people."""
    return {slug: min(kits * percent // 100, waiting.get(slug, 0)) for slug, percent in needs}


def lane_shares(pool: int, waiting: Mapping[str, int]) -> dict[str, int]:
    """`pool` kits over lanes in proportion to who waits there: largest remainder, of equal ones the lane that comes first
    in the order of its name. Never more than wait."""
    total = sum(waiting.values())
    pool = min(pool, total)
    if not pool:
        return dict.fromkeys(waiting, 0)
    shares = {lane: pool * count // total for lane, count in waiting.items()}
    by_remainder = sorted(waiting, key=lambda lane: (-(pool * waiting[lane] % total), lane))
    for lane in by_remainder[: pool - sum(shares.values())]:
        shares[lane] += 1
    return shares


def suppressed(cells: Sequence[int], smallest: int) -> list[int | None]:
    """Numbers that the public may see; None for those that are too small. A single hidden one could be told from the
    sum, and so could few; so the smallest of the others are hidden with them, until there are two that make at least
    `smallest`. Nought says nothing about anybody and stays."""
    hidden = {place for place, count in enumerate(cells) if 0 < count < smallest}
    others = sorted((count, place) for place, count in enumerate(cells) if count and place not in hidden)
    while hidden and others and (len(hidden) == 1 or sum(cells[place] for place in hidden) < smallest):
        hidden.add(others.pop(0)[1])
    return [None if place in hidden else count for place, count in enumerate(cells)]
