"""The characters of a text, and how they sound, as counted pieces. Pure.

Units    a piece of characters is 1-4 of them ("井盖"); a piece of sounds is 1-3 syllables without tones, joined by a
         dot ("jin·gai"), so that a homophone (井该) gives the same piece.
Limits   what lies beyond MAX_CHARS is not read: what a report is about stands at its beginning.
Errors   none: any text has pieces, perhaps none.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from types import ModuleType

MAX_CHARS = 1_200
LONGEST = 4
MOST_SYLLABLES = 3

_TOKENS = re.compile(r"[a-z]+|0|.")
# Sounds that many speakers do not tell apart, and input methods neither.
_ALIKE = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("ang", "an"), ("eng", "en"), ("ing", "in"))


@dataclass(frozen=True, slots=True)
class Plain:
    """`text` without marks; `origin[i]` is the index in the cleaned text of its i-th character."""

    text: str
    origin: tuple[int, ...]


def plain(text: str) -> Plain:
    """Marks become single spaces, numbers 0: “3号楼” and “12号楼” are the same to the model. `text` is cleaned."""
    kept: list[str] = []
    origin: list[int] = []
    for index, char in enumerate(text[:MAX_CHARS]):
        folded = "0" if char.isdigit() else char if char.isalpha() else " "
        # One mark or number is as good as many.
        if folded in " 0" and (kept[-1] if kept else " ") == folded:
            continue
        kept.append(folded)
        origin.append(index)
    if kept and kept[-1] == " ":
        kept.pop()
        origin.pop()
    return Plain("".join(kept), tuple(origin))


def char_grams(text: str) -> Counter[str]:
    """Pieces of 1-4 characters of a plain text, spaces included as the pauses that they are."""
    return Counter(
        text[start : start + length] for length in range(1, LONGEST + 1) for start in range(len(text) - length + 1)
    )


def sound_grams(text: str) -> Counter[str]:
    """Pieces of 1-3 syllables of a plain text; pauses are not heard."""
    heard = [sound(token) for token in _TOKENS.findall(text.replace(" ", ""))]
    return Counter(
        "·".join(heard[start : start + length])
        for length in range(1, MOST_SYLLABLES + 1)
        for start in range(len(heard) - length + 1)
    )


@lru_cache(maxsize=16_384)
def sound(token: str) -> str:
    """The syllable of a character in its most common reading; anything else sounds as it is written."""
    syllable: str = _readings().lazy_pinyin(token)[0] if len(token) == 1 else token
    for finer, coarse in _ALIKE:
        syllable = syllable.replace(finer, coarse)
    return syllable


@lru_cache(maxsize=1)
def _readings() -> ModuleType:
    """Loaded with the first text: a fifth of the time that any program of ours takes to start, and most read none."""
    return import_module("pypinyin")
