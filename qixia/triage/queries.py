"""Reads: the compiled tables, and classes suggested while a rider types.

Tables are compiled once a process (about a tenth of a second, at the first question).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import yaml

from qixia.codes.queries import class_name, triage_classes
from qixia.kernel.errors import NotConfigured
from qixia.policy.queries import current
from qixia.triage import active, candidates, lexicon, rules
from qixia.triage.candidates import Candidate, Sign, sign_label
from qixia.triage.duplicates.marks import Seen
from qixia.triage.judging import weigh
from qixia.triage.learning.seeing import see
from qixia.triage.models import Figures
from qixia.triage.verdicts import Chance

log = logging.getLogger("qixia.triage")

# Below so many characters, or so little certainty, the lexicon suggests; what is less likely than LEAST is not offered.
SHORTEST, SURE, LEAST = 3, 0.15, 0.02

__all__ = [
    "Candidate",
    "Chance",
    "Seen",
    "Sign",
    "Suggestion",
    "around",
    "chances",
    "kept_figures",
    "shipped_thresholds",
    "sign_label",
    "similar",
    "suggest",
    "thresholds",
]


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
    """Classes for words that are still being typed, the likeliest first; the common ones while nothing speaks.

    The model reads without vectors (under 2 ms). A beginning of one or two characters says more to the lexicon, which
    knows what words begin so.
    """
    known = triage_classes()
    found = _read_lightly(text, limit) or rules.suggest(text, lexicon=lexicon.shipped(), classes=known, limit=limit)
    if not found:
        found = [(slug, 0.0) for slug in thresholds().common if slug in known][:limit]
    return [Suggestion(slug, class_name(slug), confidence) for slug, confidence in found]


def _read_lightly(text: str, limit: int) -> list[tuple[str, float]]:
    """[] when the text is too short, or too strange, for the model."""
    seen, model, known = see(text), active.model(), triage_classes()
    if model is None or len(seen.plain.text) < SHORTEST:
        return []
    chances = model.read([seen], light=True)[0].chances
    ranked = sorted((slug for slug in chances if slug in known), key=lambda slug: -chances[slug])[:limit]
    if not ranked or chances[ranked[0]] < SURE:
        return []
    return [(slug, chances[slug]) for slug in ranked if chances[slug] >= LEAST]


def chances(text: str, hint: str | None = None) -> list[Chance]:
    """Every class with its chance for a whole text, the likeliest first, and how bad the text is as such.

    `hint` is what the rider tapped. One full reading, some 20 ms: for the page of one case, not for lists. All chances
    are 0 if nothing speaks for any class. Where the model raises, the words decide.
    """
    model, classes = active.model(), triage_classes()
    try:
        return weigh(text, hint=hint, model=model, classes=classes)
    except Exception:
        if model is None:
            raise
        log.exception("model failed at a text")
        return weigh(text, hint=hint, model=None, classes=classes)


def around(seen: Seen, *, within_m: float, limit: int = 5, now: datetime) -> list[Candidate]:
    """The open ones within so many metres, whatever they are of, the nearest first. One statement, no model."""
    return candidates.around(seen, within_m=within_m, limit=limit, now=now)


def kept_figures(name: str) -> dict[str, Any] | None:
    """What was counted under this name within the hour; None where there is so little that it is counted when it is
    asked for. One row."""
    found: dict[str, Any] | None = Figures.objects.filter(name=name).values_list("data", flat=True).first()
    return found


def similar(seen: Seen, *, limit: int = 5, now: datetime) -> list[Candidate]:
    """Earlier reports that may be the same matter, the best first; recurrences last. One statement."""
    return candidates.similar(seen, limit=limit, now=now)
