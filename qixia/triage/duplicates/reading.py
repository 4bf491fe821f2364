"""From words to marks: the one place where chances of classes come from. Pure.

With a model its chances count, without one (None) those of the lexicon's words.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qixia.triage import lexicon
from qixia.triage.duplicates.marks import Marks, marks
from qixia.triage.learning import vectors
from qixia.triage.learning.model import BadArtefact, Model, shipped
from qixia.triage.learning.seeing import Seen, labels, see

# Points of the lexicon that make a class e times likelier.
_TEMPERATURE = 2.5
# A class that somebody has decided on, against what the words alone say.
_DECIDED = 0.7


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of one report: its words, its field for the floor, the class decided on ("" for not yet)."""

    words: str
    floor: str = ""
    decided: str = ""


def marks_of(reports: Sequence[Told], model: Model | None) -> list[Marks]:
    """Marks of each, in their order."""
    table, seen = lexicon.shipped(), [see(one.words) for one in reports]
    chances = class_chances(seen, model)
    # The very text that the model reads: its vector is made once.
    rows = vectors.encode([one.plain.text for one in seen]) if vectors.available() else [None] * len(seen)
    return [
        marks(one.words, one.floor, with_decision(chance, one.decided), row, table.traditional)
        for one, chance, row in zip(reports, chances, rows, strict=True)
    ]


def class_chances(reports: Sequence[Seen], model: Model | None) -> list[Mapping[str, float]]:
    """Chances of classes by the words alone, for each; {} when nothing speaks."""
    if model is None:
        return [_by_lexicon(one) for one in reports]
    readings = iter(model.read([one for one in reports if one.plain.text]))
    return [next(readings).chances if one.plain.text else {} for one in reports]


def _by_lexicon(seen: Seen) -> dict[str, float]:
    """`signs` are log1p of the lexicon's points."""
    scores = {slug: float(np.expm1(sign)) for slug, sign in zip(labels(), seen.signs, strict=True) if sign > 0}
    best = max(scores.values(), default=0.0)
    odds = {slug: math.exp((score - best) / _TEMPERATURE) for slug, score in scores.items()}
    total = sum(odds.values())
    return {slug: one / total for slug, one in odds.items()}


def with_decision(chances: Mapping[str, float], decided: str) -> Mapping[str, float]:
    """The chances once a class was decided on."""
    if not decided:
        return chances
    rest = {slug: chance * (1 - _DECIDED) for slug, chance in chances.items()}
    return rest | {decided: rest.get(decided, 0.0) + (_DECIDED if chances else 1.0)}


def read_shipped(texts: Sequence[str]) -> list[Marks]:
    """Marks of bare texts by what this release ships."""
    try:
        model = shipped()
    except BadArtefact:
        model = None
    return marks_of([Told(text) for text in texts], model)
