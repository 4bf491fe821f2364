from importlib import import_module

from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "qixia.site"
    label = "site"
    verbose_name = "入口"

    def ready(self) -> None:
        import_module("qixia.site.checks")  # registers what `qixia check --deploy` looks at
