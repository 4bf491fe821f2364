"""From what the model and the words of danger say: one verdict that a clerk understands. Pure.

Class      the model's chances, turned by the chip that the rider tapped. Without a model (the file is broken) the words
           of the lexicon decide alone.
Severity   the floor of the class, raised by its own words, by words of danger, by a person hurt, and by the model where it
           is sure enough. Nothing lowers it.
Units      confidence is 0-1: how often such a verdict was right on voices that the model had not learnt from.
Errors     none: any text gets a verdict; when little speaks for it, the confidence says so and a clerk decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from qixia.codes.rules import Severity
from qixia.triage import rules
from qixia.triage.lexicon import Lexicon
from qixia.triage.rules import CLASS_CHARS, NOTHING_READ, ClassInfo, Hit, Reading, Thresholds

SpanKind = Literal["class", "danger", "place"]
# The rider taps the right chip this often, a given wrong one that often.
_TAP_RIGHT, _TAP_WRONG = 0.8, 0.004
# With several matters the one that is critical counts, if it is nearly as likely as the main one and not unlikely.
_DANGER_SHARE, _DANGER_CHANCE = 0.35, 0.1
# The same where only words of the lexicon speak: their scores lie nearer together, and a weak word says nothing.
_WORDS_SHARE, _WORDS_SCORE = 0.6, 4.0
# Less than this for the likeliest class, or so few characters, and not a word of the lexicon: nothing was read.
_BLANK, _BLANK_CHARS = 0.12, 2
_RUNNER_UP, _GUESS = 0.1, 0.5
_QUOTED = 3


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the raw text and what it points to."""

    start: int
    end: int
    word: str
    kind: SpanKind


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the machine makes of a report. `rings`: a person must be rung at once."""

    cls: str
    standard_code: str
    kind: str
    severity: str
    confidence: float
    runner_up: str | None
    words: tuple[Span, ...]
    sentence: str
    rings: bool
    is_certain: bool
    # Nothing in the text spoke for any class; `cls` is then "other" for want of a better.
    is_blank: bool
    # The text says that it has been mended already.
    says_fixed: bool


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a trained model makes of a text. `words(label)` finds, in the cleaned text, what speaks for a class or level."""

    chances: Mapping[str, float]
    severity: str
    words: Callable[[str], list[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class _Case:
    """All that is known about one text while it is decided on."""

    raw: str
    reading: Reading
    opinion: Opinion | None
    hint: str | None
    lexicon: Lexicon
    classes: Mapping[str, ClassInfo]

    def level(self, slug: str) -> tuple[Severity, list[Hit]]:
        return rules.severity_of(slug, self.reading, self.lexicon, self.classes)

    def quote(self, hits: list[Hit]) -> str:
        return _quotes(self.raw, hits, self.reading)


@dataclass(frozen=True, slots=True)
class Chance:
    """How likely one class is for a text (0-1), and the severity that the text has as such."""

    cls: str
    chance: float
    severity: str


def decide(
    raw: str,
    *,
    hint: str | None,
    opinion: Opinion | None,
    lexicon: Lexicon,
    classes: Mapping[str, ClassInfo],
    thresholds: Thresholds,
) -> Verdict:
    """Decide on one text. `hint` is the class that the rider tapped; an unknown one is ignored."""
    reading = rules.read(raw, lexicon, classes)
    tapped = hint if hint in classes else None
    case = _Case(raw, reading, opinion if reading.text else None, tapped, lexicon, classes)
    chances = _chances(case)
    ranked = sorted(chances, key=lambda slug: (-chances[slug], slug))[:4]
    best = _most_dangerous(ranked, chances, case) if ranked else NOTHING_READ
    level, signs = case.level(best)
    raised = _raised_by_model(level, case)
    confidence = round(_confidence(best, chances, case), 3)
    is_blank = tapped is None and _says_nothing(reading, chances.get(best, 0.0))
    return Verdict(
        cls=best,
        standard_code=classes[best].standard_code,
        kind=classes[best].kind,
        severity=max(level, raised).slug,
        confidence=confidence,
        runner_up=next((slug for slug in ranked if slug != best), None),
        words=_spans(best, signs, max(level, raised), case),
        sentence=_sentence(best, signs, level, raised, chances, case),
        rings=max(level, raised) is Severity.CRITICAL,
        is_certain=_is_certain(best, confidence, thresholds, case) and not is_blank,
        is_blank=is_blank,
        says_fixed=reading.fixed_at is not None,
    )


def weigh(
    raw: str,
    *,
    hint: str | None,
    opinion: Opinion | None,
    lexicon: Lexicon,
    classes: Mapping[str, ClassInfo],
) -> list[Chance]:
    """What `decide` chooses from: every class, the likeliest first. `decide` takes a more dangerous one that is near."""
    reading = rules.read(raw, lexicon, classes)
    tapped = hint if hint in classes else None
    case = _Case(raw, reading, opinion if reading.text else None, tapped, lexicon, classes)
    chances = _chances(case)
    ranked = sorted(classes, key=lambda slug: -chances.get(slug, 0.0))
    levels = {slug: case.level(slug)[0] for slug in ranked}
    return [
        Chance(slug, chances.get(slug, 0.0), max(levels[slug], _raised_by_model(levels[slug], case)).slug)
        for slug in ranked
    ]


def _chances(case: _Case) -> dict[str, float]:
    """Class → chance, for classes that may be chosen."""
    if case.opinion is None:
        return _chances_of_words(case)
    chances = {slug: chance for slug, chance in case.opinion.chances.items() if slug in case.classes}
    if case.hint is not None:
        chances = {
            slug: chance * (_TAP_RIGHT if slug == case.hint else _TAP_WRONG)
            for slug, chance in {case.hint: 1e-4, **chances}.items()
        }
    whole = sum(chances.values())
    return {slug: chance / whole for slug, chance in chances.items() if chance > 0} if whole else {}


def _chances_of_words(case: _Case) -> dict[str, float]:
    """Without a model: the words of the lexicon; the others stand to the best as their scores do."""
    scores = dict(case.reading.scores)
    if case.hint is not None:
        scores[case.hint] = max(scores.get(case.hint, 0.0), 0.0) + rules.HINT_WEIGHT
    ranked = sorted((slug for slug, score in scores.items() if score > 0), key=lambda slug: -scores[slug])
    if not ranked:
        return {}
    best = rules.confidence(scores, ranked[0], ranked[1] if len(ranked) > 1 else None, case.lexicon)
    return {
        slug: best * scores[slug] / scores[ranked[0]]
        for slug in ranked
        if scores[slug] >= _WORDS_SCORE or slug == ranked[0]
    }


def _most_dangerous(ranked: list[str], chances: Mapping[str, float], case: _Case) -> str:
    first, _ = case.level(ranked[0])
    if first is Severity.CRITICAL:
        return ranked[0]
    share, least = (_DANGER_SHARE, _DANGER_CHANCE) if case.opinion is not None else (_WORDS_SHARE, 0.0)
    for slug in ranked[1:]:
        if chances[slug] >= max(least, chances[ranked[0]] * share) and case.level(slug)[0] is Severity.CRITICAL:
            return slug
    return ranked[0]


def _raised_by_model(level: Severity, case: _Case) -> Severity:
    """A text that says it is mended is not raised by the model, which does not hear the “was”."""
    if case.opinion is None or case.reading.fixed_at is not None:
        return level
    return max(level, Severity.of(case.opinion.severity))


def _confidence(best: str, chances: Mapping[str, float], case: _Case) -> float:
    """The chance, halved where the text says it is mended; “other” without a word that means it is no more than a guess."""
    chance = chances.get(best, 0.0) * (0.5 if case.reading.fixed_at is not None else 1)
    is_guess = best == NOTHING_READ and case.hint != best and not case.reading.hits.get(best)
    return min(chance, _GUESS) if is_guess else chance


def _says_nothing(reading: Reading, chance: float) -> bool:
    return not reading.hits and (chance < _BLANK or len(reading.text) <= _BLANK_CHARS)


def _is_certain(best: str, confidence: float, thresholds: Thresholds, case: _Case) -> bool:
    """Sure enough to pass without a person: and the rider's own choice is not overruled."""
    is_overruled = case.hint is not None and case.hint != best
    return confidence >= thresholds.of(best) and case.reading.fixed_at is None and not is_overruled


# ── reasons ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _evidence(label: str, case: _Case) -> list[Hit]:
    """What in the text speaks for a class or a level: words of the lexicon, else those that weigh most in the model."""
    known = case.reading.hits.get(label, [])
    if known or case.opinion is None:
        return known
    return [Hit(start, end, 1.0) for start, end in case.opinion.words(label)]


def _spans(best: str, signs: list[Hit], level: Severity, case: _Case) -> tuple[Span, ...]:
    reading, place = case.reading, case.lexicon.place
    is_raised = level > case.level(best)[0] and level >= Severity.HIGH
    danger = signs or (_evidence(level.slug, case) if is_raised else [])
    found: list[tuple[Hit, SpanKind]] = [(hit, "danger") for hit in danger]
    found += [(hit, "class") for hit in _evidence(best, case)]
    found += [(Hit(m.start(), m.end(), 0), "place") for m in place.finditer(reading.text[:CLASS_CHARS])]
    spans: dict[tuple[int, int, str], Span] = {}
    for hit, kind in found:
        start, end = reading.source.raw_span(hit.start, hit.end)
        spans.setdefault((start, end, kind), Span(start, end, case.raw[start:end], kind))
    return tuple(sorted(spans.values(), key=lambda span: (span.start, span.end)))


def _sentence(
    best: str, signs: list[Hit], level: Severity, raised: Severity, chances: Mapping[str, float], case: _Case
) -> str:
    """Why, for a clerk: “井盖”“掉下去”指向井盖缺失破损移位；“人能掉下去”使级别升为特急。"""
    parts = [*_why_class(best, case), *_why_level(signs, level, raised, case)]
    likely = [slug for slug in chances if slug != best and chances[slug] >= max(_RUNNER_UP, chances[best] * 0.25)]
    if likely:
        parts.append(f"也可能是{case.classes[max(likely, key=lambda slug: chances[slug])].name}")
    if case.reading.fixed_at is not None:
        parts.append("文字里说已经处理，请核实")
    return "；".join(parts) + "。"


def _why_class(best: str, case: _Case) -> list[str]:
    name, evidence, parts = case.classes[best].name, _evidence(best, case), []
    if evidence:
        parts.append(f"{case.quote(evidence)}指向{name}")
    if case.hint == best:
        parts.append(f"骑手选了{name}")
    elif case.hint is not None:
        parts.append(f"骑手选的是{case.classes[case.hint].name}，和文字不一致")
    if not parts:
        parts.append("文字里没有读到能判断类别的词" if case.opinion is None else f"整句话更像{name}")
    return parts


def _why_level(signs: list[Hit], level: Severity, raised: Severity, case: _Case) -> list[str]:
    parts = [f"{case.quote(signs)}使级别升为{level.label}"] if signs else []
    if raised > level and raised >= Severity.HIGH:
        parts.append(f"{case.quote(_evidence(raised.slug, case))}读来危险，级别升为{raised.label}")
    return parts


def _quotes(raw: str, hits: list[Hit], reading: Reading) -> str:
    """The strongest words in quotation marks, none inside another."""
    taken: list[Hit] = []
    for hit in sorted(hits, key=lambda hit: (-hit.weight, hit.end - hit.start)):
        if all(hit.end <= other.start or hit.start >= other.end for other in taken):
            taken.append(hit)
    spans = [reading.source.raw_span(hit.start, hit.end) for hit in sorted(taken[:_QUOTED], key=lambda hit: hit.start)]
    return "".join(f"“{raw[start:end].strip()}”" for start, end in spans)
