"""The tables of triage. Nobody outside triage imports them."""

from qixia.triage.models.figures import Figures
from qixia.triage.models.fingerprint import Fingerprint
from qixia.triage.models.learning import (
    DECIDED,
    RUN_OPEN,
    Correction,
    LearningRun,
    ShadowVerdict,
    TrainedModel,
)
from qixia.triage.models.opinion import Opinion, OpinionTally

__all__ = [
    "DECIDED",
    "RUN_OPEN",
    "Correction",
    "Figures",
    "Fingerprint",
    "LearningRun",
    "Opinion",
    "OpinionTally",
    "ShadowVerdict",
    "TrainedModel",
]
