"""What the words of the lexicon say about a text: scores of classes, and how bad it is. Pure.

Truth    the lexicon for words, the class list for floors, docs in README for the borders between classes.
Errors   none: any text can be read.
Severity the floor of the class, raised by its own words, by words of danger and by a person hurt. Nothing lowers it.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from qixia.codes.rules import Severity
from qixia.triage.lexicon import LONGEST_PREFIX, Lexicon, Raise
from qixia.triage.text import Clean, clean

THRESHOLDS = "triage.thresholds"
NOTHING_READ = "other"
# Classes are told from the first words; danger is looked for in the whole text.
CLASS_CHARS = 2_000
# A chip that the rider tapped speaks louder than one strong word, softer than three.
HINT_WEIGHT = 8.0
# The second, third … sign for the same class adds less: long texts mention much in passing.
_DECAY = (1.0, 0.6, 0.4, 0.25, 0.15, 0.1)
# Calms the margin of thin evidence: 6 against nothing is less sure than 12 against nothing.
_CALM = 4.0
_DENYING = re.compile("[不没無无未非]")


class ClassInfo(Protocol):
    """What the rules need to know of a triage class; `qixia.codes.reference.ClassRow` is one."""

    @property
    def slug(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def standard_code(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def severity_floor(self) -> str: ...


class Thresholds(BaseModel):
    """The policy "triage.thresholds": below its class's confidence a verdict goes to a clerk."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default: float = Field(ge=0, le=1)
    by_class: dict[str, float] = Field(default_factory=dict)
    # Offered while the rider has typed nothing yet, the most common first.
    common: list[str] = Field(default_factory=list)

    def of(self, slug: str) -> float:
        return self.by_class.get(slug, self.default)


@dataclass(frozen=True, slots=True)
class Hit:
    """A sign for a class at text[start:end]."""

    start: int
    end: int
    weight: float


@dataclass(slots=True)
class Reading:
    """What was found in one text."""

    source: Clean
    denies: bool
    fixed_at: int | None
    hits: dict[str, list[Hit]] = field(default_factory=lambda: defaultdict(list))
    scores: dict[str, float] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return self.source.text

    def before(self, start: int) -> str:
        """The few characters that may take back what stands at `start`."""
        return self.text[max(0, start - 12) : start]


def suggest(raw: str, *, lexicon: Lexicon, classes: Mapping[str, ClassInfo], limit: int) -> list[tuple[str, float]]:
    """(class, confidence) for a text that is still being typed, the likeliest first; [] when nothing speaks."""
    reading = read(raw, lexicon, classes)
    scores = reading.scores
    for length in range(min(LONGEST_PREFIX, len(reading.text)), 0, -1):
        tail = reading.text[-length:]
        for slug, weight in lexicon.prefixes.get(tail, ()):
            if slug in classes:
                scores[slug] = max(scores.get(slug, 0.0), scores.get(slug, 0.0) * 0.8 + weight * 0.6)
    ranked = sorted((slug for slug, score in scores.items() if score > 0), key=lambda slug: -scores[slug])[:limit]
    return [(slug, round(confidence(scores, slug, _rival(slug, ranked), lexicon), 3)) for slug in ranked]


def read(raw: str, lexicon: Lexicon, classes: Mapping[str, ClassInfo]) -> Reading:
    """Find all signs and add them up by class."""
    source = clean(raw, lexicon.traditional)
    text = source.text
    reading = Reading(source, denies=bool(_DENYING.search(text)), fixed_at=_fixed_at(text, lexicon))
    _find_words(reading, lexicon, classes)
    _find_patterns(reading, lexicon, classes)
    for slug, hits in reading.hits.items():
        reading.scores[slug] = _sum(hits) - _against(slug, reading, lexicon)
    return reading


def _find_words(reading: Reading, lexicon: Lexicon, classes: Mapping[str, ClassInfo]) -> None:
    """Longest words first; a word inside one already found does not count again."""
    text, covered = reading.text[:CLASS_CHARS], 0
    seen: set[str] = set()
    for start, first in enumerate(text):
        for length in lexicon.lengths.get(first, ()):
            word = text[start : start + length]
            claims = lexicon.words.get(word)
            if claims is None:
                continue
            end = start + len(word)  # the slice may have met the end of the text
            if end > covered and word not in seen:
                # A word that is denied here may stand for itself elsewhere, so only a taken one counts as seen.
                for claim in claims:
                    if claim.cls in classes and not _taken_back(reading, lexicon, start, is_event=claim.is_event):
                        reading.hits[claim.cls].append(Hit(start, end, claim.weight))
                        seen.add(word)
            covered = max(covered, end)
            break


def _find_patterns(reading: Reading, lexicon: Lexicon, classes: Mapping[str, ClassInfo]) -> None:
    text = reading.text[:CLASS_CHARS]
    for slug, words in lexicon.classes.items():
        if slug not in classes:
            continue
        for pattern in words.patterns:
            found = pattern.regex.search(text)
            if found and not _taken_back(reading, lexicon, found.start(), is_event=slug in lexicon.deniable):
                reading.hits[slug].append(Hit(found.start(), found.end(), pattern.weight))


def _sum(hits: list[Hit]) -> float:
    weights = sorted((hit.weight for hit in hits), reverse=True)
    return sum(weight * share for weight, share in zip(weights, _DECAY, strict=False))


def _against(slug: str, reading: Reading, lexicon: Lexicon) -> float:
    weight = 0.0
    for pattern in lexicon.classes[slug].against:
        found = pattern.regex.search(reading.text, 0, CLASS_CHARS)
        if found and not _taken_back(reading, lexicon, found.start(), is_event=True):
            weight += pattern.weight
    return weight


def _denied(reading: Reading, lexicon: Lexicon, start: int, *, is_event: bool) -> bool:
    """Whether the words before `start` take back what stands there."""
    if not reading.denies:
        return False
    before = reading.before(start)
    if lexicon.denied_thing.search(before):
        return True
    return is_event and lexicon.denied_event.search(before) is not None


def _taken_back(reading: Reading, lexicon: Lexicon, start: int, *, is_event: bool) -> bool:
    """Denied, or an event that is merely feared (怕着火)."""
    if is_event and lexicon.feared.search(reading.before(start)):
        return True
    return _denied(reading, lexicon, start, is_event=is_event)


def _fixed_at(text: str, lexicon: Lexicon) -> int | None:
    """Where the text says that all is mended; None if it does not, or if the mend did not last."""
    found = None if lexicon.not_fixed.search(text) else lexicon.fixed.search(text)
    return found.end() if found else None


def severity_of(
    slug: str, reading: Reading, lexicon: Lexicon, classes: Mapping[str, ClassInfo]
) -> tuple[Severity, list[Hit]]:
    """Severity of the class for this text, and the words that raised it."""
    level = Severity.of(classes[slug].severity_floor)
    signs: list[Hit] = []
    own = lexicon.classes[slug].raises if slug in lexicon.classes else ()
    for rule in (*own, *lexicon.danger):
        if slug in rule.exempt or rule.to <= level:
            continue
        hit = next(_affirmed(rule, reading, lexicon, unless=None if rule in own else lexicon.feared), None)
        if hit:
            level, signs = rule.to, [*signs, hit]
    hurt = next(_affirmed(Raise(level.raised(), lexicon.hurt), reading, lexicon, unless=lexicon.nearly), None)
    if hurt and level is not Severity.CRITICAL:
        level, signs = level.raised(), [*signs, hurt]
    return level, signs


def _affirmed(rule: Raise, reading: Reading, lexicon: Lexicon, *, unless: re.Pattern[str] | None) -> Iterator[Hit]:
    """Where the rule's words stand and are meant: not denied, not mended since, not after what `unless` finds.

    A class's own words have no `unless`: “怕小孩掉下去” at an open manhole is just what raises it.
    """
    for found in rule.regex.finditer(reading.text):
        start, end = found.span()
        if reading.fixed_at is not None and start < reading.fixed_at:
            continue
        if _denied(reading, lexicon, start, is_event=True):
            continue
        if unless is not None and unless.search(reading.before(start)):
            continue
        yield Hit(start, end, float(rule.to))


def _rival(slug: str, ranked: list[str]) -> str | None:
    return next((other for other in ranked if other != slug), None)


def confidence(scores: Mapping[str, float], best: str, runner_up: str | None, lexicon: Lexicon) -> float:
    """How often the words of the lexicon were right with such a lead (the lexicon's `calibration`)."""
    first = max(scores.get(best, 0.0), 0.0)
    second = max(scores.get(runner_up, 0.0), 0.0) if runner_up else 0.0
    return interpolate(max(first - second, 0.0) / (first + _CALM), lexicon.calibration)


def interpolate(x: float, points: tuple[tuple[float, float], ...]) -> float:
    """Linear between the points, flat outside them."""
    if x <= points[0][0]:
        return points[0][1]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return points[-1][1]
