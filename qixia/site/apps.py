from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from qixia.ui.nav import Item, register


class SiteConfig(AppConfig):
    name = "qixia.site"
    label = "site"
    verbose_name = _("入口")

    def ready(self) -> None:
        import_module("qixia.site.checks")  # registers what `qixia check --deploy` looks at
        register(Item(_("人员与单位"), "users", "admin:index", ("admin",), "管理", 30))
