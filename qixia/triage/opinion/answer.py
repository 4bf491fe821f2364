"""Reads what came back. Strict: one JSON object with a known class, a known level and a sentence, or it counts as failed.

Danger   everything here was written by a machine of strangers, perhaps on the word of a report. It can be no more than a
         wrong class, a wrong level and WORDS_MAX printable characters, which pages escape.
Errors   Unusable with the kind that is counted (rules.LASTING). A fence of three backticks around the whole object is
         taken off, as most models put one there; any word beside the object is too much.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Container
from dataclasses import dataclass
from typing import Any, Final

from qixia.codes.rules import SEVERITIES

ANSWER_MAX: Final = 64 * 1024  # bytes of the whole answer
CONTENT_MAX: Final = 4000
WORDS_MAX: Final = 120
MODEL_MAX: Final = 80
_KEYS = ({"class", "severity"}, {"class", "severity", "words"})
_FENCE = re.compile(r"```(?:json)?[ \t]*\n(.*)\n[ \t]*```", re.DOTALL)


class Unusable(Exception):
    """The answer is not what was asked for; `kind` is how it is counted."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Said:
    """What the other model says."""

    cls: str
    severity: str
    words: str


def read(body: bytes, classes: Container[str]) -> Said:
    """The opinion in the body of an answer with status 200."""
    return read_content(_content(_parsed(body, "not_json")), classes)


def read_content(content: str, classes: Container[str]) -> Said:
    """The opinion in what the model wrote."""
    text = content.strip()
    if len(text) > CONTENT_MAX:
        raise Unusable("answer")
    fenced = _FENCE.fullmatch(text)
    found = _parsed(fenced[1] if fenced else text, "answer")
    if not isinstance(found, dict) or set(found) not in _KEYS:
        raise Unusable("answer")
    cls, severity, words = found["class"], found["severity"], found.get("words", "")
    if not (isinstance(cls, str) and isinstance(severity, str) and isinstance(words, str)):
        raise Unusable("answer")
    if cls not in classes:
        raise Unusable("class")
    if severity not in SEVERITIES:
        raise Unusable("answer")
    return Said(cls, severity, one_line(words, WORDS_MAX))


def one_line(text: str, limit: int) -> str:
    """Printable characters in one line. What turns the direction of writing or hides goes, as controls do."""
    shown = (one if unicodedata.category(one)[0] != "C" and one.isprintable() else " " for one in text[: limit * 4])
    return " ".join("".join(shown).split())[:limit].strip()


def _content(found: Any) -> str:
    """`choices[0].message.content` of a chat completion."""
    try:
        content = found["choices"][0]["message"]["content"]
    except (LookupError, TypeError):
        raise Unusable("shape") from None
    if not isinstance(content, str):
        raise Unusable("shape")
    return content


def _parsed(text: str | bytes, kind: str) -> Any:
    """JSON as the standard has it: no NaN, no key twice."""
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Unusable(kind) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(name)
