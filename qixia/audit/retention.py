"""What is kept for how long, by kind: each package says what it keeps and how to remove the old of it.

A package's `retention.py` registers its kinds when Django starts. How many days holds the policy "people.retention"; a
kind that it doesn't name keeps its own default. The run (people.services.run_retention) writes the proof.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of data with an end.

    days     how long by default
    least    less than this many days is never allowed: the law wants some logs kept
    purge    removes up to `limit` things from before the moment; returns how many. Fewer than `limit`: that was all.
             Called in a transaction of its own, again and again; doing it twice removes nothing twice.
    oldest   the moment of the oldest that is left, None if there is none
    """

    name: str
    title: str  # a msgid
    days: int
    purge: Callable[[datetime, int], int]
    oldest: Callable[[], datetime | None]
    least: int = 1


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Add a kind; the same name again replaces it (Django may call ready twice in tests)."""
    _kinds[kind.name] = kind


def kinds() -> list[Kind]:
    return sorted(_kinds.values(), key=lambda kind: kind.name)


def rows(
    model: type[Model], moment: str, **only: Any
) -> tuple[Callable[[datetime, int], int], Callable[[], datetime | None]]:
    """`purge` and `oldest` for plain rows whose column `moment` says how old they are; `only` narrows which."""

    def purge(before: datetime, limit: int) -> int:
        old = model._default_manager.filter(**only, **{f"{moment}__lt": before}).order_by(moment)
        found = list(old.values_list("pk", flat=True)[:limit])
        model._default_manager.filter(pk__in=found).delete()
        return len(found)

    def oldest() -> datetime | None:
        found: datetime | None = (
            model._default_manager.filter(**only).order_by(moment).values_list(moment, flat=True).first()
        )
        return found

    return purge, oldest
