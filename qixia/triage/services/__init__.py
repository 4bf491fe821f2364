"""What triage does for those above: verdicts, and learning from what people correct."""

from qixia.triage.services.classifying import Span, Verdict, classify, classify_many

__all__ = [
    "Span",
    "Verdict",
    "classify",
    "classify_many",
]
