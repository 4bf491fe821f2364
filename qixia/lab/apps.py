"""How Django finds this package."""

from django.apps import AppConfig


class LabConfig(AppConfig):
    name = "qixia.lab"
    label = "lab"
    verbose_name = "实验室"
