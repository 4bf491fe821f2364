"""Reads the lexicon and makes it quick to match. Pure.

Truth    `data/lexicon.yaml`, whose head explains its form.
Errors   BadLexicon names the class and what is wrong: a fault of the release, found by its tests.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from qixia.codes.rules import Severity

DATA = Path(__file__).parent / "data"
THRESHOLDS_SEED = DATA / "thresholds.yaml"
# How many characters of an unfinished word may already suggest its class.
LONGEST_PREFIX = 4


class BadLexicon(ValueError):
    """The lexicon contradicts itself."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A word speaks for a class with a weight. An event (冒烟) is taken back by 没有; a thing (灭火器) is not."""

    cls: str
    weight: float
    is_event: bool


@dataclass(frozen=True, slots=True)
class Pattern:
    weight: float
    regex: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Raise:
    """When `regex` is found and not denied, the severity is at least `to`."""

    to: Severity
    regex: re.Pattern[str]
    exempt: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ClassWords:
    patterns: tuple[Pattern, ...]
    against: tuple[Pattern, ...]
    raises: tuple[Raise, ...]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Everything the rules look up, compiled."""

    words: dict[str, tuple[Claim, ...]]
    # First character → lengths of the words that begin with it, longest first.
    lengths: dict[str, tuple[int, ...]]
    prefixes: dict[str, tuple[tuple[str, float], ...]]
    classes: dict[str, ClassWords]
    danger: tuple[Raise, ...]
    hurt: re.Pattern[str]
    nearly: re.Pattern[str]
    feared: re.Pattern[str]
    deniable: frozenset[str]
    denied_event: re.Pattern[str]
    denied_thing: re.Pattern[str]
    fixed: re.Pattern[str]
    not_fixed: re.Pattern[str]
    place: re.Pattern[str]
    traditional: dict[str, str]
    calibration: tuple[tuple[float, float], ...]
    shared: dict[str, str]


@lru_cache(maxsize=1)
def shipped() -> Lexicon:
    """The lexicon of this release."""
    # The loader in C, where PyYAML has it, spares the first request a third of a second.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return compile_lexicon(yaml.load((DATA / "lexicon.yaml").read_text(encoding="utf-8"), Loader=loader))


def compile_lexicon(data: dict[str, Any]) -> Lexicon:
    words = _words(data["classes"], frozenset(data["deniable"]))
    negation = data["negation"]
    return Lexicon(
        words=words,
        lengths=_lengths(words),
        prefixes=_prefixes(words),
        classes={slug: _class_words(slug, entry) for slug, entry in data["classes"].items()},
        danger=tuple(
            Raise(Severity.of(item["to"]), _regex("danger", item["when"]), frozenset(item["except"]))
            for item in data["danger"]
        ),
        hurt=_regex("hurt", data["hurt"]),
        nearly=_regex("nearly", data["nearly"]),
        feared=_regex("feared", data["feared"]),
        deniable=frozenset(data["deniable"]),
        denied_event=_regex("negation", negation["event"]),
        denied_thing=_regex("negation", negation["thing"]),
        fixed=_regex("fixed", data["fixed"]),
        not_fixed=_regex("not_fixed", data["not_fixed"]),
        place=_regex("place", data["place"]),
        traditional={pair[0]: pair[1] for pair in data["traditional"].split()},
        calibration=tuple((float(x), float(y)) for x, y in data["calibration"]),
        shared=data["shared"],
    )


def _words(classes: dict[str, Any], deniable: frozenset[str]) -> dict[str, tuple[Claim, ...]]:
    found: dict[str, dict[str, Claim]] = defaultdict(dict)
    for slug, entry in classes.items():
        for section in ("words", "events"):
            for weight, line in (entry.get(section) or {}).items():
                for word in line.split():
                    if slug in found[word]:
                        raise BadLexicon(f"{slug}: {word} is listed twice")
                    found[word][slug] = Claim(slug, float(weight), section == "events" or slug in deniable)
    return {word: tuple(claims.values()) for word, claims in found.items()}


def _lengths(words: dict[str, tuple[Claim, ...]]) -> dict[str, tuple[int, ...]]:
    found: dict[str, set[int]] = defaultdict(set)
    for word in words:
        found[word[0]].add(len(word))
    return {first: tuple(sorted(lengths, reverse=True)) for first, lengths in found.items()}


def _prefixes(words: dict[str, tuple[Claim, ...]]) -> dict[str, tuple[tuple[str, float], ...]]:
    """Unfinished word → (class, weight); the nearer to the whole word, the heavier."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for word, claims in words.items():
        for length in range(1, min(len(word), LONGEST_PREFIX + 1)):
            for claim in claims:
                weight = claim.weight * length / len(word)
                best = found[word[:length]]
                best[claim.cls] = max(best.get(claim.cls, 0.0), weight)
    return {prefix: tuple(best.items()) for prefix, best in found.items()}


def _class_words(slug: str, entry: dict[str, Any]) -> ClassWords:
    return ClassWords(
        patterns=_patterns(slug, entry.get("patterns")),
        against=_patterns(slug, entry.get("against")),
        raises=tuple(Raise(Severity.of(to), _regex(slug, text)) for to, text in entry.get("raise") or ()),
    )


def _patterns(slug: str, items: list[tuple[float, str]] | None) -> tuple[Pattern, ...]:
    return tuple(Pattern(float(weight), _regex(slug, text)) for weight, text in items or ())


def _regex(where: str, text: str) -> re.Pattern[str]:
    # An open-ended repetition is what makes a regular expression slow on hostile text; ours count their gaps.
    if re.search(r"(?<!\\)[*+](?!\))", re.sub(r"\[[^\]]*\]", "x", text)):
        raise BadLexicon(f"{where}: open-ended repetition in {text!r}")
    try:
        return re.compile(text)
    except re.error as error:
        raise BadLexicon(f"{where}: {error} in {text!r}") from error
