from pathlib import Path

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from qixia.gifts.rules import SharingPolicy
from qixia.kernel.sealed import declare
from qixia.policy import kinds

SEEDS = Path(__file__).parent / "seeds"


class GiftsConfig(AppConfig):
    name = "qixia.gifts"
    label = "gifts"
    verbose_name = _("礼包")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from qixia.gifts.nav import register_desk  # noqa: PLC0415 — models are loaded only now

        register_desk()
        declare("gifts.Draw", "sealed_secret", "gifts.draw:{public_id}")
        declare("gifts.PaperList", "sealed", "gifts.paper:{public_id}")
        kinds.register(kinds.Kind("gifts.sharing", SharingPolicy, SEEDS / "sharing.yaml", _("礼包分配")))
