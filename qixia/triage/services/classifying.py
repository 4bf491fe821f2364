"""Decides what a report is about. It writes nothing: the verdict is kept by whoever asked (reports).

Errors   none for any text. Retries: the same text, classes and thresholds give the same verdict.
"""

from __future__ import annotations

from collections.abc import Iterable

from qixia.codes.queries import triage_classes
from qixia.triage import lexicon, queries, rules
from qixia.triage.rules import Span, Verdict

__all__ = ["Span", "Verdict", "classify", "classify_many"]


def classify(text: str, *, hint: str | None = None) -> Verdict:
    """Class, severity, confidence and reasons of one text. `hint` is the class that the rider tapped."""
    return classify_many([(text, hint)])[0]


def classify_many(items: Iterable[tuple[str, str | None]]) -> list[Verdict]:
    """Verdicts for (text, hint) pairs, in their order; classes and thresholds are looked up once."""
    table, classes, thresholds = lexicon.shipped(), triage_classes(), queries.thresholds()
    return [
        rules.classify(text, hint=hint, lexicon=table, classes=classes, thresholds=thresholds) for text, hint in items
    ]
