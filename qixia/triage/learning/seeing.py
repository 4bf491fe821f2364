"""A text as the model sees it: cleaned, cut into pieces, and what the lexicon finds in it. Pure.

Truth    the lexicon and the class list of this release; the vectors are made later and only where they are wanted.
Errors   none for any text.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from qixia.codes.reference import ClassRow, class_rows
from qixia.codes.rules import Severity
from qixia.triage import lexicon, rules
from qixia.triage.learning.grams import Plain, char_grams, plain, sound_grams


@dataclass(frozen=True, slots=True)
class Seen:
    """`signs`: one number a class, in the order of `labels()`; `raised`: the level that words of danger lift it to."""

    plain: Plain
    chars: Counter[str]
    sounds: Counter[str]
    signs: NDArray[np.float32]
    raised: int


@lru_cache(maxsize=1)
def classes() -> dict[str, ClassRow]:
    return {row.slug: row for row in class_rows()}


@lru_cache(maxsize=1)
def labels() -> tuple[str, ...]:
    return tuple(sorted(classes()))


def see(text: str) -> Seen:
    table = lexicon.shipped()
    reading = rules.read(text, table, classes())
    words = plain(reading.text)
    scores = np.array([max(reading.scores.get(slug, 0.0), 0.0) for slug in labels()], dtype=np.float32)
    return Seen(
        words, char_grams(words.text), sound_grams(words.text), np.log1p(scores), _raised(reading, scores, table)
    )


def _raised(reading: rules.Reading, scores: NDArray[np.float32], table: lexicon.Lexicon) -> int:
    """0, or the level to which words (not the floor of the class) lift the text, read as its likeliest class."""
    slug = labels()[int(scores.argmax())] if scores.any() else rules.NOTHING_READ
    level, signs = rules.severity_of(slug, reading, table, classes())
    return int(level) - int(Severity.LOW) if signs else 0
