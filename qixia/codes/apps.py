from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CodesConfig(AppConfig):
    name = "qixia.codes"
    label = "codes"
    verbose_name = _("标准与代码")
    default_auto_field = "django.db.models.BigAutoField"
