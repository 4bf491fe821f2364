"""How long points live and what covers them (policy "rewards.books"). Pure: no database, no Django, no clock.

Units    days of the city, whole points, 分 of money.
Lots     points that came in lie in a lot, found by the last day on which they can be used; spending takes the lot that
         ends first. Points that never end have the day NEVER.
Cover    every point comes out of a budget for a period. What happens when it is used up is `at_cap`: "wait" writes down
         what is owed and pays it, oldest first, when there is cover again; "refuse" gives nothing and says so.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

NEVER = date(9999, 12, 31)
# Postings become visible in the order of their commits: up to so many numbers back one may still be sealed.
SEAL_WINDOW = 20_000
PERIODS = {"month": 1, "quarter": 3, "year": 12}


class LotTerms(BaseModel):
    """When points end."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: int | None = Field(365, ge=1, le=3650, description="so long they can be used; none: for ever")
    end_of_month: bool = Field(True, description="then to the end of that month, so that a rider has few days to know")
    warn_days: int = Field(30, ge=1, le=120, description="so long before, the rider is told once")
    grace_days: int = Field(14, ge=0, le=365, description="what a returned voucher gives back lives so long at least")


class BudgetTerms(BaseModel):
    """What covers points. `caps` open a period of the city by themselves when none was opened by hand."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    period: Literal["month", "quarter", "year"] = "year"
    caps: dict[str, int] = Field(default_factory=lambda: {"points": 5_000_000}, description="by unit")
    at_cap: Literal["wait", "refuse"] = "wait"
    slice_size: int = Field(2_000, ge=1, le=1_000_000, description="what a slice takes from the centre at a time")
    warn_percent: tuple[int, ...] = Field((80, 100), description="administrators are told when so much is used")


class BooksPolicy(BaseModel):
    """Terms of the books; one version holds at any time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lots: LotTerms = Field(default_factory=LotTerms)
    budgets: BudgetTerms = Field(default_factory=BudgetTerms)


def last_day(terms: LotTerms, today: date) -> date:
    """The last day on which points that come in today can be used."""
    if terms.days is None:
        return NEVER
    end = today + timedelta(days=terms.days)
    return end.replace(day=calendar.monthrange(end.year, end.month)[1]) if terms.end_of_month else end


def with_grace(terms: LotTerms, end: date, today: date) -> date:
    """When points that come back end: on their own day, but not at once."""
    return max(end, today + timedelta(days=terms.grace_days))


def first_out(points: int, lots: Sequence[tuple[date, int]]) -> list[tuple[date, int]]:
    """Take `points` from lots (day, what is left), the one that ends first first. Fewer come out than asked for when
    the lots hold fewer."""
    taken: list[tuple[date, int]] = []
    for end, left in sorted(lots):
        part = min(points, left)
        if part > 0:
            taken.append((end, part))
            points -= part
    return taken


def last_in(points: int, parts: Sequence[tuple[date, int]]) -> list[tuple[date, int]]:
    """Which of the parts come back when only `points` of them do: those that live longest."""
    back: list[tuple[date, int]] = []
    for end, amount in sorted(parts, reverse=True):
        part = min(points, amount)
        if part > 0:
            back.append((end, part))
            points -= part
    return sorted(back)


def covered(amounts: Sequence[int], cover: int) -> int:
    """How many of `amounts`, in their order, `cover` is enough for. Stops at the first that does not fit: a small one
    must not overtake a large one for ever."""
    for number, amount in enumerate(amounts):
        if amount > cover:
            return number
        cover -= amount
    return len(amounts)


def period_of(terms: BudgetTerms, day: date) -> tuple[date, date]:
    """First and last day of the period that `day` lies in."""
    months = PERIODS[terms.period]
    first = date(day.year, (day.month - 1) // months * months + 1, 1)
    return first, date(
        first.year, first.month + months - 1, calendar.monthrange(first.year, first.month + months - 1)[1]
    )


def forecast(used: int, first: date, last: date, today: date) -> int:
    """What will have been used at the end if it goes on like this."""
    passed = min(max((today - first).days + 1, 1), (last - first).days + 1)
    return used * ((last - first).days + 1) // passed


def warning_due(used: int, cap: int, warned: int, steps: Sequence[int]) -> int:
    """The highest percentage that is reached and was not told yet; 0 for none. A cap of 0 is used up."""
    share = used * 100 // cap if cap else 100
    return max((step for step in steps if step <= share and step > warned), default=0)
