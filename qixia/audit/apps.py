"""How Django finds this package."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "qixia.audit"
    label = "audit"
    verbose_name = "历史"
