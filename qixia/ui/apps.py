from django.apps import AppConfig


class UiConfig(AppConfig):
    name = "qixia.ui"
    label = "ui"
    verbose_name = "界面"
