from pathlib import Path

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from qixia.kernel.sealed import declare
from qixia.merchants.rules import AgreementPolicy, KindsPolicy, LifeList
from qixia.policy import kinds

SEEDS = Path(__file__).parent / "seeds"


class MerchantsConfig(AppConfig):
    name = "qixia.merchants"
    label = "merchants"
    verbose_name = _("友好商家")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Models are loaded only now.
        from qixia.merchants.nav import register_desk  # noqa: PLC0415
        from qixia.merchants.queries.showing import page_of  # noqa: PLC0415
        from qixia.rewards.queries import register_shop_page  # noqa: PLC0415

        register_desk()
        register_shop_page(page_of)
        declare("merchants.Rating", "sealed_words", "merchants.rating-words")
        kinds.register(kinds.Kind("merchants.kinds", KindsPolicy, SEEDS / "kinds.yaml", _("商家种类")))
        kinds.register(kinds.Kind("merchants.agreement", AgreementPolicy, SEEDS / "agreement.yaml", _("友好商家约定")))
        kinds.register(kinds.Kind("merchants.life_list", LifeList, SEEDS / "life_list.yaml", _("美好生活十件事")))
