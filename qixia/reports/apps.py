"""How Django finds this package, and the rules that the city may edit."""

from django.apps import AppConfig

from qixia.policy import kinds
from qixia.reports.policy import SEEDS, Limits, Routing


class ReportsConfig(AppConfig):
    name = "qixia.reports"
    label = "reports"
    verbose_name = "上报"

    def ready(self) -> None:
        kinds.register(kinds.Kind("reports.routing", Routing, SEEDS / "routing.yaml", "派单目录"))
        kinds.register(kinds.Kind("reports.limits", Limits, SEEDS / "limits.yaml", "处置时限"))
