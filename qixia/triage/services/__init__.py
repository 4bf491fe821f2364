"""What triage does for those above: verdicts, and learning from what people correct."""

from qixia.triage.services.classifying import Span, Verdict, classify, classify_many
from qixia.triage.services.correcting import correct, forget_words
from qixia.triage.services.counting import count_figures, keep_figures
from qixia.triage.services.opining import ask_opinion, drop_opinion
from qixia.triage.services.remembering import forget, remember_many, set_closed
from qixia.triage.services.switching import switch_back, switch_model
from qixia.triage.services.training import ask_training, fail_run, store, train
from qixia.triage.services.trying import ask_shadow, try_batch

__all__ = [
    "Span",
    "Verdict",
    "ask_opinion",
    "ask_shadow",
    "ask_training",
    "classify",
    "classify_many",
    "correct",
    "count_figures",
    "drop_opinion",
    "fail_run",
    "forget",
    "forget_words",
    "keep_figures",
    "remember_many",
    "set_closed",
    "store",
    "switch_back",
    "switch_model",
    "train",
    "try_batch",
]
