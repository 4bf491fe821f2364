from pathlib import Path

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from qixia.policy import kinds
from qixia.rewards.rules import PointsPolicy


class RewardsConfig(AppConfig):
    name = "qixia.rewards"
    label = "rewards"
    verbose_name = _("积分与兑换")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        kinds.register(
            kinds.Kind(
                name="rewards.points",
                model=PointsPolicy,
                seed=Path(__file__).parent / "data" / "points.yaml",
                title="积分规则",
            )
        )
