"""How Django finds this package."""

from django.apps import AppConfig

from qixia.media.verbs import offer


class LabConfig(AppConfig):
    name = "qixia.lab"
    label = "lab"
    verbose_name = "实验室"

    def ready(self) -> None:
        offer("evaluate", "qixia.lab.evidence")
