"""How Django finds this package."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from qixia.ui.nav import Item, register


class PolicyConfig(AppConfig):
    name = "qixia.policy"
    label = "policy"
    verbose_name = _("规则")

    def ready(self) -> None:
        register(
            Item(_("规则"), "adjustments-horizontal", "policy:index", ("admin",), "管理", 20, active=("policy:kind",))
        )
