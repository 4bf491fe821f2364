"""The tables of triage. Nobody outside triage imports them."""

from qixia.triage.models.fingerprint import Fingerprint
from qixia.triage.models.learning import (
    DECIDED,
    RUN_OPEN,
    Correction,
    LearningRun,
    ShadowVerdict,
    TrainedModel,
)

__all__ = [
    "DECIDED",
    "RUN_OPEN",
    "Correction",
    "Fingerprint",
    "LearningRun",
    "ShadowVerdict",
    "TrainedModel",
]
