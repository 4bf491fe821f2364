"""How Django finds this package."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from qixia.policy import kinds
from qixia.policy.shapes import SEEDS, WorkingHours
from qixia.ui.nav import Item, register


class PolicyConfig(AppConfig):
    name = "qixia.policy"
    label = "policy"
    verbose_name = _("规则")

    def ready(self) -> None:
        register(
            Item(_("规则"), "adjustments-horizontal", "policy:index", ("admin",), "管理", 20, active=("policy:kind",))
        )
        readers = ("clerk", "supervisor", "worker", "unit_lead", "admin")
        register(Item(_("工作日历"), "calendar", "policy:calendar", readers, "管理", 25))
        kinds.register(kinds.Kind("policy.working_hours", WorkingHours, SEEDS / "working_hours.yaml", "办公时间"))
