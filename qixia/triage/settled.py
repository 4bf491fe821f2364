"""What triage may ask about reports that have been settled, without knowing reports.

Reports lie above triage. Their package registers a source once when Django starts, as packages register what they keep
and what stands in the navigation (docs/adr/0015-learning-in-use.md). Nothing here is read while a report is settled.

Units    `since` inclusive, `until` exclusive, by when a report was received; cursors are opaque, "" is the start.
Access   `shown` gives only what that actor may see; the rest is simply not in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # packages register in AppConfig.ready, before models may be imported
    from qixia.people.access import Actor


@dataclass(frozen=True, slots=True)
class SettledReport:
    """One report as a model is tried on it. `decided`: "person", "verified" or "" (models.DECIDED)."""

    ref: str
    text: str
    hint: str
    cls: str
    severity: str
    decided: str
    cursor: str


@dataclass(frozen=True, slots=True)
class Week:
    """Reports received from one Monday to the next. `confidence` is the machine's mean, None without reports."""

    monday: date
    settled: int = 0
    doubted: int = 0
    confidence: float | None = None
    classes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shown:
    """A report as a desk names it."""

    title: str
    number: str
    place: str
    words: str
    url: str


class Source(Protocol):
    def count(self, since: datetime, until: datetime) -> int: ...

    def batch(self, since: datetime, until: datetime, *, after: str, limit: int) -> Sequence[SettledReport]: ...

    def weeks(self, mondays: Sequence[date]) -> Sequence[Week]:
        """One for each Monday, in their order."""
        ...

    def shown(self, actor: Actor, refs: Sequence[str]) -> Mapping[str, Shown]: ...


class _Nothing:
    """Before anybody registers: no reports."""

    def count(self, since: datetime, until: datetime) -> int:
        return 0

    def batch(self, since: datetime, until: datetime, *, after: str, limit: int) -> Sequence[SettledReport]:
        return ()

    def weeks(self, mondays: Sequence[date]) -> Sequence[Week]:
        return [Week(monday) for monday in mondays]

    def shown(self, actor: Actor, refs: Sequence[str]) -> Mapping[str, Shown]:
        return {}


_source: Source = _Nothing()


def register(found: Source) -> None:
    global _source
    _source = found


def source() -> Source:
    return _source
