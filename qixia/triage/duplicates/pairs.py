"""Labelled pairs of reports: how they are read, and how good the verdicts on them are. Pure.

Form     a line is {"id", "a": {"text", "lat", "lng", "minutes"}, "b": {…}, "a_closed_minutes"?, "same", "kind"?}; a was
         closed that many minutes after it came, else it is still open.
Units    WGS-84 degrees, minutes; figures are shares (0-1) except n and counts.
Errors   BadPairs names the line and the field.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from qixia.kernel.geo import Point
from qixia.triage.duplicates.features import Pair, Side, compare
from qixia.triage.duplicates.marks import Marks
from qixia.triage.duplicates.rules import Decision, Duplicates, decide
from qixia.triage.duplicates.score import Weights

MAX_TEXT = 5_000
MAX_MINUTES = 100 * 366 * 1440
_START = datetime(2026, 1, 1, tzinfo=UTC)


class BadPairs(ValueError):
    """A line of the file is not a pair."""


@dataclass(frozen=True, slots=True)
class One:
    text: str
    lat: float
    lng: float
    minutes: float


@dataclass(frozen=True, slots=True)
class Labelled:
    """A pair that somebody judged. `closed_before`: a was closed when b was seen."""

    id: str
    a: One
    b: One
    same: bool
    kind: str
    closed_before: bool


def read_pairs(lines: Iterable[str]) -> list[Labelled]:
    """The pairs of a JSON-lines file; empty lines are skipped, a file without pairs is an error."""
    found = [_pair(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not found:
        raise BadPairs("no pairs in this file")
    return found


def _pair(number: int, line: str) -> Labelled:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadPairs(f"line {number}: not JSON: {error}") from error
    try:
        if not isinstance(row, dict):
            raise BadPairs("not an object")
        a, b = (_one(row, name) for name in ("a", "b"))
        closed = _number(row, "a_closed_minutes", 0, MAX_MINUTES) if row.get("a_closed_minutes") is not None else None
        return Labelled(
            id=_word(row, "id"),
            a=a,
            b=b,
            same=_yes_or_no(row, "same"),
            kind=_word(row, "kind") if row.get("kind") is not None else "",
            closed_before=closed is not None and a.minutes + closed <= b.minutes,
        )
    except BadPairs as error:
        raise BadPairs(f"line {number}: {error}") from error


def _one(row: Mapping[str, Any], name: str) -> One:
    part = row.get(name)
    if not isinstance(part, dict):
        raise BadPairs(f"{name}: {'missing' if name not in row else 'not an object'}")
    try:
        return One(
            text=_text(part),
            lat=_number(part, "lat", -90, 90),
            lng=_number(part, "lng", -180, 180),
            minutes=_number(part, "minutes", -MAX_MINUTES, MAX_MINUTES),
        )
    except BadPairs as error:
        raise BadPairs(f"{name}.{error}") from error


def _text(part: Mapping[str, Any]) -> str:
    text = part.get("text")
    if not isinstance(text, str):
        raise BadPairs("text: " + ("missing" if "text" not in part else "not text"))
    if not text.strip():
        raise BadPairs("text: empty")
    if len(text) > MAX_TEXT:
        raise BadPairs(f"text: {len(text)} characters, at most {MAX_TEXT}")
    return text


def _number(part: Mapping[str, Any], name: str, least: float, most: float) -> float:
    if name not in part:
        raise BadPairs(f"{name}: missing")
    value = part[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise BadPairs(f"{name}: not a number: {str(value)[:40]}")
    if not least <= value <= most:
        raise BadPairs(f"{name}: {_short(value)} is not between {least} and {most}")
    return float(value)


def _short(value: float) -> str:
    """A number of a file may have thousands of digits, more than Python likes to print."""
    return str(value) if abs(value) < 1e15 else "a huge number"


def _word(row: Mapping[str, Any], name: str) -> str:
    if name not in row:
        raise BadPairs(f"{name}: missing")
    value = row[name]
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise BadPairs(f"{name}: not text: {str(value)[:40]}")
    return str(value)


def _yes_or_no(row: Mapping[str, Any], name: str) -> bool:
    if name not in row:
        raise BadPairs(f"{name}: missing")
    value = row[name]
    if not isinstance(value, bool):
        raise BadPairs(f"{name}: neither true nor false: {str(value)[:40]}")
    return value


def compared(pairs: Sequence[Labelled], read: Callable[[Sequence[str]], Sequence[Marks]]) -> list[Pair]:
    """Each pair's features; `read` gives the marks of texts, each of which is read once."""
    texts = sorted({one.text for pair in pairs for one in (pair.a, pair.b)})
    marks = dict(zip(texts, read(texts), strict=True))
    return [compare(_side(pair.a, marks), _side(pair.b, marks)) for pair in pairs]


def _side(one: One, marks: Mapping[str, Marks]) -> Side:
    return Side(marks[one.text], Point(one.lat, one.lng), None, _START + timedelta(minutes=one.minutes))


def verdicts(pairs: Sequence[Labelled], found: Sequence[Pair], weights: Weights, rules: Duplicates) -> list[Decision]:
    return [
        decide(weights.score(pair), pair.distance_m, rules, closed_before=label.closed_before)
        for label, pair in zip(pairs, found, strict=True)
    ]


def figures(pairs: Sequence[Labelled], found: Sequence[Decision], rules: Duplicates) -> dict[str, Any]:
    """precision, recall, f1 of what the machine merges (to ask a person is not to merge) · ask_share: pairs that a
    person decides ÷ all · recall_with_ask: what is merged or asked about ÷ same · false_merges_by_kind: counts."""
    both = list(zip(pairs, found, strict=True))
    same = sum(label.same for label, _ in both)
    merged = sum(verdict == "same" for _, verdict in both)
    right = sum(label.same and verdict == "same" for label, verdict in both)
    caught = sum(label.same and verdict in ("same", "ask") for label, verdict in both)
    wrong = Counter(label.kind or "unnamed" for label, verdict in both if verdict == "same" and not label.same)
    return {
        "n": len(pairs),
        "precision": _share(right, merged),
        "recall": _share(right, same),
        "f1": _share(2 * right, merged + same),
        "ask_share": _share(sum(verdict == "ask" for _, verdict in both), len(both)),
        "recall_with_ask": _share(caught, same),
        "false_merges_by_kind": dict(sorted(wrong.items())),
        "threshold": rules.merge,
    }


def _share(part: float, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
