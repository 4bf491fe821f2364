"""Decides what a report is about. It writes nothing: the verdict is kept by whoever asked (reports).

Errors   none for a single text: if the model raises at it, the words decide. Of several the error is passed on, so that
         whoever asked asks again for one at a time (jobs do) and the others keep the model's verdict.
Retries  the same text, classes, thresholds and model give the same verdict.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from qixia.codes.queries import triage_classes
from qixia.triage import active, queries
from qixia.triage.judging import judge
from qixia.triage.verdicts import Span, Verdict

__all__ = ["Span", "Verdict", "classify", "classify_many"]

log = logging.getLogger("qixia.triage")


def classify(text: str, *, hint: str | None = None) -> Verdict:
    """Class, severity, confidence and reasons of one text. `hint` is the class that the rider tapped."""
    return classify_many([(text, hint)])[0]


def classify_many(items: Iterable[tuple[str, str | None]]) -> list[Verdict]:
    """Verdicts for (text, hint) pairs, in their order; classes, thresholds and model are looked up once."""
    listed, classes, thresholds = list(items), triage_classes(), queries.thresholds()
    model = active.model()
    try:
        return judge(listed, model=model, classes=classes, thresholds=thresholds)
    except Exception:
        if model is None or len(listed) > 1:
            raise
        log.exception("model failed at a text")  # which one is not said: words are nobody's business in a log
        return judge(listed, model=None, classes=classes, thresholds=thresholds)
