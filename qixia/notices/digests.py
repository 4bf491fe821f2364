"""Who counts the work for the summaries: packages above register how, because notices can't import them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """What lies before one person at work: came in since yesterday, falls due today, is overdue."""

    new: int
    due: int
    overdue: int

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.new + other.new, self.due + other.due, self.overdue + other.overdue)

    @property
    def is_empty(self) -> bool:
        return not (self.new or self.due or self.overdue)


Counter = Callable[[int], Counts]
_counters: dict[str, Counter] = {}


def register(name: str, count: Counter) -> None:
    """`count(person_id)` is asked twice a day for everybody at work; the same name again replaces it."""
    _counters[name] = count


def counts_for(person_id: int) -> Counts:
    """The sum over all that registered."""
    return sum((count(person_id) for count in _counters.values()), Counts(0, 0, 0))
