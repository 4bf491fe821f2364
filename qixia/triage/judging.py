"""The verdicts of a model on texts: what the service and the measurements both call. Pure.

Without a model (None) the words of the lexicon decide alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from qixia.triage import lexicon, verdicts
from qixia.triage.learning.model import Model
from qixia.triage.learning.seeing import see
from qixia.triage.rules import ClassInfo, Thresholds
from qixia.triage.verdicts import Chance, Opinion, Verdict, decide


def judge(
    items: Sequence[tuple[str, str | None]],
    *,
    model: Model | None,
    classes: Mapping[str, ClassInfo],
    thresholds: Thresholds,
    light: bool = False,
) -> list[Verdict]:
    """Verdicts for (text, hint) pairs, in their order. `light` reads without sentence vectors."""
    opinions = _opinions([text for text, _ in items], model, light=light)
    table = lexicon.shipped()
    return [
        decide(text, hint=hint, opinion=opinion, lexicon=table, classes=classes, thresholds=thresholds)
        for (text, hint), opinion in zip(items, opinions, strict=True)
    ]


def weigh(text: str, *, hint: str | None, model: Model | None, classes: Mapping[str, ClassInfo]) -> list[Chance]:
    """All classes for one text, the likeliest first: for a person who chooses."""
    opinion = _opinions([text], model, light=False)[0]
    return verdicts.weigh(text, hint=hint, opinion=opinion, lexicon=lexicon.shipped(), classes=classes)


def _opinions(texts: Sequence[str], model: Model | None, *, light: bool) -> Sequence[Opinion | None]:
    if model is None:
        return [None] * len(texts)
    seen = [see(text) for text in texts]
    return [
        Opinion(reading.chances, reading.severity, partial(model.words, one))
        for one, reading in zip(seen, model.read(seen, light=light), strict=True)
    ]
