"""How Django finds this package."""

from django.apps import AppConfig


class PolicyConfig(AppConfig):
    name = "qixia.policy"
    label = "policy"
    verbose_name = "规则"
