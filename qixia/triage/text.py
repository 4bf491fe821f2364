"""Makes a rider's text fit to be matched, and remembers where each character came from. Pure.

Units    positions are indexes of Python characters in the raw text.
Limits   what lies beyond MAX_CHARS is not read; work is linear in the length.
Errors   none: every str has a clean form, perhaps an empty one.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

MAX_CHARS = 10_000

# Emoji, private use, unassigned and lone surrogates part words as a space does; so do control characters.
_GAPS = frozenset({"Cc", "Cs", "Co", "Cn", "So", "Zs", "Zl", "Zp"})
# Zero-width joiners, variation selectors and combining marks stand inside words: they vanish.
_NOTHING = frozenset({"Cf", "Mn", "Me"})


@dataclass(frozen=True, slots=True)
class Clean:
    """`text` folded (NFKC, lower case, simplified characters); `origin[i]` is the raw index of its i-th character."""

    text: str
    origin: tuple[int, ...]

    def raw_span(self, start: int, end: int) -> tuple[int, int]:
        """Where text[start:end] stands in the raw text."""
        return self.origin[start], self.origin[end - 1] + 1


def clean(raw: str, traditional: dict[str, str]) -> Clean:
    """Fold width, case and traditional characters; part with single spaces where nothing readable stands."""
    text: list[str] = []
    origin: list[int] = []
    for index, char in enumerate(raw[:MAX_CHARS]):
        for folded in _fold(char):
            if folded == " " and (not text or text[-1] == " "):
                continue
            text.append(traditional.get(folded, folded))
            origin.append(index)
    if text and text[-1] == " ":
        text.pop()
        origin.pop()
    return Clean("".join(text), tuple(origin))


@lru_cache(maxsize=16_384)
def _fold(char: str) -> str:
    if "\u4e00" <= char <= "\u9fff":
        return char
    plain = unicodedata.normalize("NFKC", char).lower()
    return "".join(_readable(part) for part in plain)


def _readable(char: str) -> str:
    category = unicodedata.category(char)
    if category in _NOTHING:
        return ""
    return " " if category in _GAPS else char
