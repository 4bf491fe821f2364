"""Where the chances of classes come from: one function, so that a better reader can take its place. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

from qixia.triage import rules
from qixia.triage.lexicon import Lexicon

# Points of the lexicon that make a class e times likelier.
_TEMPERATURE = 2.5
# A class that somebody has decided on, against what the words alone say.
_DECIDED = 0.7


def class_chances(words: str, lexicon: Lexicon, classes: Mapping[str, rules.ClassInfo]) -> dict[str, float]:
    """Chances of classes by the words alone; {} when nothing speaks."""
    scores = {slug: score for slug, score in rules.read(words, lexicon, classes).scores.items() if score > 0}
    if not scores:
        return {}
    best = max(scores.values())
    odds = {slug: math.exp((score - best) / _TEMPERATURE) for slug, score in scores.items()}
    total = sum(odds.values())
    return {slug: one / total for slug, one in odds.items()}


def with_decision(chances: dict[str, float], decided: str) -> dict[str, float]:
    """The chances once a class was decided on ("" for not yet)."""
    if not decided:
        return chances
    rest = {slug: chance * (1 - _DECIDED) for slug, chance in chances.items()}
    return rest | {decided: rest.get(decided, 0.0) + (_DECIDED if chances else 1.0)}
