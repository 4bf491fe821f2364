from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RewardsConfig(AppConfig):
    name = "qixia.rewards"
    label = "rewards"
    verbose_name = _("积分与兑换")
    default_auto_field = "django.db.models.BigAutoField"
