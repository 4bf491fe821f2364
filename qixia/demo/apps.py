"""How Django finds this package."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "qixia.demo"
    label = "demo"
    verbose_name = "演示"
