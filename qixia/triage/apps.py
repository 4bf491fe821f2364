from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from qixia.kernel.sealed import declare
from qixia.policy import kinds
from qixia.triage.choice import MODEL, MODEL_SEED, ModelChoice
from qixia.triage.duplicates.rules import DUPLICATES, DUPLICATES_SEED, Duplicates
from qixia.triage.lexicon import THRESHOLDS_SEED
from qixia.triage.opinion.rules import SECOND_OPINION, SECOND_OPINION_SEED, SecondOpinion
from qixia.triage.rules import THRESHOLDS, Thresholds
from qixia.ui import nav


class TriageConfig(AppConfig):
    name = "qixia.triage"
    label = "triage"
    verbose_name = _("研判")

    def ready(self) -> None:
        declare("triage.Correction", "sealed_words", "correction:{ref}")
        nav.register(
            nav.Item(
                _("研判模型"), "chart-bar", "triage:model", ("clerk", "admin"), "查看", 30, active=("triage:model-one",)
            )
        )
        kinds.register(kinds.Kind(MODEL, ModelChoice, MODEL_SEED, "研判用哪个模型", page="triage:model"))
        kinds.register(kinds.Kind(SECOND_OPINION, SecondOpinion, SECOND_OPINION_SEED, _("另一个模型的看法")))
        kinds.register(kinds.Kind(THRESHOLDS, Thresholds, THRESHOLDS_SEED, "研判置信度门槛"))
        kinds.register(kinds.Kind(DUPLICATES, Duplicates, DUPLICATES_SEED, "是否同一件事"))
