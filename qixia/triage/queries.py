"""Reads: the compiled tables, and classes suggested while a rider types.

Tables are compiled once a process (about a tenth of a second, at the first question).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import yaml

from qixia.codes.queries import class_name, triage_classes
from qixia.kernel.errors import NotConfigured
from qixia.policy.queries import current
from qixia.triage import candidates, lexicon, rules
from qixia.triage.candidates import Candidate, Sign
from qixia.triage.duplicates.marks import Seen

__all__ = ["Candidate", "Seen", "Sign", "Suggestion", "shipped_thresholds", "similar", "suggest", "thresholds"]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A class to offer; `name` is in the reader's language."""

    cls: str
    name: str
    confidence: float


def thresholds() -> rules.Thresholds:
    """The published thresholds; before any was published, the shipped ones."""
    try:
        found: rules.Thresholds = current(rules.THRESHOLDS).data
    except NotConfigured:
        return shipped_thresholds()
    return found


@lru_cache(maxsize=1)
def shipped_thresholds() -> rules.Thresholds:
    return rules.Thresholds.model_validate(yaml.safe_load(lexicon.THRESHOLDS_SEED.read_text(encoding="utf-8")))


def suggest(text: str, limit: int = 4) -> list[Suggestion]:
    """Classes for words that are still being typed, the likeliest first; the common ones while nothing speaks."""
    found = rules.suggest(text, lexicon=lexicon.shipped(), classes=triage_classes(), limit=limit)
    if not found:
        known = triage_classes()
        found = [(slug, 0.0) for slug in thresholds().common if slug in known][:limit]
    return [Suggestion(slug, class_name(slug), confidence) for slug, confidence in found]


def similar(seen: Seen, *, limit: int = 5, now: datetime) -> list[Candidate]:
    """Earlier reports that may be the same matter, the best first; recurrences last. Two statements."""
    return candidates.similar(seen, limit=limit, now=now)
