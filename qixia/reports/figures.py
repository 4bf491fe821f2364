"""What figures mean, and which of them may be published. Pure.

Shares   whole percent of counts; None where nothing was counted: no figure is better than a flattering one.
Spans    nearest rank over all cases, open ones counted as endless: a median that is not reached yet says so.
Public   counts are rounded to multiples of the policy's smallest number, shares are left out where either side of them is
         smaller than that; months that still run are not published, so nobody learns from two looks at one page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

# Days within which a case ended; what is longer, and what is open, stand in bins of their own.
BINS = (1, 2, 3, 5, 7, 15, 30)


@dataclass(frozen=True, slots=True)
class Share:
    """`part` of `whole`."""

    part: int
    whole: int

    @property
    def percent(self) -> int | None:
        return round(100 * self.part / self.whole) if self.whole else None


def published(share: Share, least: int) -> int | None:
    """The percent if both sides of it are nobody or enough, else None."""
    rest = share.whole - share.part
    is_enough = share.whole >= least and all(side == 0 or side >= least for side in (share.part, rest))
    return share.percent if is_enough else None


def rounded(count: int, least: int) -> int | None:
    """A count to a multiple of `least`; None for one that is there but smaller."""
    if count == 0:
        return 0
    return None if count < least else least * round(count / least)


def month_of(text: str, today: date) -> date:
    """The first day of the month "2026-11"; this month if it is none, or lies ahead."""
    this = today.replace(day=1)
    try:
        found = date.fromisoformat(f"{text[:7]}-01")
    except ValueError:
        return this
    return min(found, this) if found.year >= 2000 else this


def month_after(first: date) -> date:
    return (first + timedelta(days=32)).replace(day=1)


def month_before(first: date) -> date:
    return (first - timedelta(days=1)).replace(day=1)
