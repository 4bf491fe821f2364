"""How Django finds this package, and the one rule that administrators edit here."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from qixia.outgoing.policy import SEEDS, Destinations
from qixia.policy import kinds


class OutgoingConfig(AppConfig):
    name = "qixia.outgoing"
    label = "outgoing"
    verbose_name = _("对外连接")

    def ready(self) -> None:
        kinds.register(
            kinds.Kind("outgoing.destinations", Destinations, SEEDS / "destinations.yaml", _("对外连接名单"))
        )
