from pathlib import Path

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from qixia.offers.rules import OffersPolicy
from qixia.policy import kinds


class OffersConfig(AppConfig):
    name = "qixia.offers"
    label = "offers"
    verbose_name = _("附近任务")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        seed = Path(__file__).parent / "seeds" / "offers.yaml"
        kinds.register(kinds.Kind("offers.offers", OffersPolicy, seed, _("附近任务")))
