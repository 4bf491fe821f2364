"""Decides what a report is about. It writes nothing: the verdict is kept by whoever asked (reports).

Errors   none for any text. Retries: the same text, classes, thresholds and model give the same verdict.
"""

from __future__ import annotations

from collections.abc import Iterable

from qixia.codes.queries import triage_classes
from qixia.triage import active, queries
from qixia.triage.judging import judge
from qixia.triage.verdicts import Span, Verdict

__all__ = ["Span", "Verdict", "classify", "classify_many"]


def classify(text: str, *, hint: str | None = None) -> Verdict:
    """Class, severity, confidence and reasons of one text. `hint` is the class that the rider tapped."""
    return classify_many([(text, hint)])[0]


def classify_many(items: Iterable[tuple[str, str | None]]) -> list[Verdict]:
    """Verdicts for (text, hint) pairs, in their order; classes, thresholds and model are looked up once."""
    return judge(list(items), model=active.model(), classes=triage_classes(), thresholds=queries.thresholds())
