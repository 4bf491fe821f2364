"""How Django finds this package."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AuditConfig(AppConfig):
    name = "qixia.audit"
    label = "audit"
    verbose_name = _("历史")
