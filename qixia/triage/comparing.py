"""Two models side by side, what people made of their verdicts, and whether what comes in has changed. Pure.

Units    counts are reports; every share comes with the count that it is a share of, and is None if that is 0.
Truth    what a clerk decided. A verdict that nobody touched and a clerk found true on the spot is told apart from one
         that a clerk gave, because leaving a class alone is a weaker yes than naming it.
Danger   a critical report is missed if the verdict says low or normal, or is blank and rings nobody.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

# Long numbers in a text are telephones, doors, number plates: nothing to learn from, something to let go of.
_NUMBER = re.compile(r"[0-9０-９](?:[0-9０-９ -]{3,}[0-9０-９])")
_HELD_OUT = 5
_TELLING = ("low", "normal")
_ALARMING = ("high", "critical")
# Keeps the distance finite where a class had no report in one of the two spans.
_CALM = 0.5


@dataclass(frozen=True, slots=True)
class Said:
    """What one model says. `cls` "" is a blank verdict."""

    cls: str
    severity: str
    certain: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One report under both models. `final_*` is what it is now; `decided` says who stands for that, "" nobody."""

    now: Said
    new: Said
    final_cls: str
    final_severity: str
    decided: str


def differs(now: Said, new: Said) -> bool:
    """Whether the report would be handled under another name or with another urgency."""
    return (now.cls, now.severity) != (new.cls, new.severity)


def is_missed(said: Said) -> bool:
    """For a critical report. A blank verdict counts as seen only if words of danger ring somebody all the same."""
    return said.severity in _TELLING or (not said.cls and said.severity != "critical")


def is_alarm(said: Said) -> bool:
    """For a report that is low or normal."""
    return bool(said.cls) and said.severity in _ALARMING


def summary(lines: Iterable[Line]) -> dict[str, Any]:
    """The comparison as the page shows it and the guard reads it; JSON."""
    counts: Counter[str] = Counter()
    classes: dict[str, Counter[str]] = {}
    moves: Counter[tuple[str, str]] = Counter()
    for line in lines:
        counts["n"] += 1
        counts["changed"] += differs(line.now, line.new)
        counts["changed_cls"] += line.now.cls != line.new.cls
        counts["changed_severity"] += line.now.severity != line.new.severity
        if line.now.cls != line.new.cls:
            moves[line.now.cls, line.new.cls] += 1
        _count_sides(counts, line)
        if line.decided:
            _count_class(classes.setdefault(line.final_cls, Counter()), line)
    return {
        **{name: counts[name] for name in _COUNTS},
        "classes": [
            {"cls": cls, **{name: found[name] for name in ("n", "now", "new", "better", "worse")}}
            for cls, found in sorted(classes.items(), key=lambda pair: (-pair[1]["n"], pair[0]))
        ],
        "moves": [{"before": a, "after": b, "n": n} for (a, b), n in moves.most_common(12)],
    }


_COUNTS = (
    "n",
    "changed",
    "changed_cls",
    "changed_severity",
    "doubt_now",
    "doubt_new",
    "person",
    "person_now",
    "person_new",
    "verified",
    "verified_now",
    "verified_new",
    "critical",
    "missed_now",
    "missed_new",
    "mild",
    "alarm_now",
    "alarm_new",
)


def _count_sides(counts: Counter[str], line: Line) -> None:
    if line.decided:
        counts[line.decided] += 1
        counts["critical"] += line.final_severity == "critical"
        counts["mild"] += line.final_severity in _TELLING
    for side, said in (("now", line.now), ("new", line.new)):
        counts[f"doubt_{side}"] += not said.certain
        if not line.decided:
            continue
        counts[f"{line.decided}_{side}"] += said.cls == line.final_cls
        counts[f"missed_{side}"] += line.final_severity == "critical" and is_missed(said)
        counts[f"alarm_{side}"] += line.final_severity in _TELLING and is_alarm(said)


def _count_class(found: Counter[str], line: Line) -> None:
    was, is_now = line.now.cls == line.final_cls, line.new.cls == line.final_cls
    found["n"] += 1
    found["now"] += was
    found["new"] += is_now
    found["better"] += is_now and not was
    found["worse"] += was and not is_now


def misses_more(figures: Mapping[str, Any]) -> bool:
    """Whether the tried model misses more danger than the one in use. False too if there was no danger to miss."""
    return int(figures.get("missed_new", 0)) > int(figures.get("missed_now", 0))


def distance(now: Mapping[str, int], before: Mapping[str, int]) -> float | None:
    """Population stability index between two mixes of classes: 0 alike, from 0.1 on a shift, from 0.25 on another mix.

    What chance alone makes is taken off: for k classes and n and m reports of one mix the index is (k - 1)(1/n + 1/m) on
    average, which for a week of few reports would look like a shift. Counts are raised by half a report each, so a class
    that is new does not make it infinite. None if one of the two is empty.
    """
    names = now.keys() | before.keys()
    total_now, total_before = sum(now.values()), sum(before.values())
    if not total_now or not total_before:
        return None
    here, there = total_now + _CALM * len(names), total_before + _CALM * len(names)
    found = 0.0
    for name in names:
        a, b = (now.get(name, 0) + _CALM) / here, (before.get(name, 0) + _CALM) / there
        found += (a - b) * math.log(a / b)
    by_chance = (len(names) - 1) * (1 / total_now + 1 / total_before)
    return round(max(0.0, found - by_chance), 4)


def share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def blank_numbers(words: str) -> str:
    """The words as they are kept to learn from: every number of five digits or more becomes zeros, spaces stay."""
    return _NUMBER.sub(lambda found: re.sub(r"[0-9０-９]", "0", found[0]), words)


def is_held_out(ref: str) -> bool:
    """A fifth of all corrections is never learnt from, always the same ones: on them the next model is measured."""
    return sha256(ref.encode()).digest()[0] % _HELD_OUT == 0
