from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "qixia.reports"
    label = "reports"
    verbose_name = "上报"
