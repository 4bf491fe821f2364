from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from qixia.policy import kinds
from qixia.triage.duplicates.rules import DUPLICATES, DUPLICATES_SEED, Duplicates
from qixia.triage.lexicon import THRESHOLDS_SEED
from qixia.triage.rules import THRESHOLDS, Thresholds


class TriageConfig(AppConfig):
    name = "qixia.triage"
    label = "triage"
    verbose_name = _("研判")

    def ready(self) -> None:
        kinds.register(kinds.Kind(THRESHOLDS, Thresholds, THRESHOLDS_SEED, "研判置信度门槛"))
        kinds.register(kinds.Kind(DUPLICATES, Duplicates, DUPLICATES_SEED, "是否同一件事"))
