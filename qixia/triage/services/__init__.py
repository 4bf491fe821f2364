"""What triage does for those above: verdicts, and learning from what people correct."""

from qixia.triage.services.classifying import Span, Verdict, classify, classify_many
from qixia.triage.services.correcting import correct, forget_words
from qixia.triage.services.opining import ask_opinion, drop_opinion
from qixia.triage.services.remembering import forget, remember_many, set_closed

__all__ = [
    "Span",
    "Verdict",
    "ask_opinion",
    "classify",
    "classify_many",
    "correct",
    "drop_opinion",
    "forget",
    "forget_words",
    "remember_many",
    "set_closed",
]
