from django.apps import AppConfig


class TriageConfig(AppConfig):
    name = "qixia.triage"
    label = "triage"
    verbose_name = "研判"
