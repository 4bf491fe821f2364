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
        register(Item(_("运行状况"), "settings", "ops", ("admin",), "管理", 40))
        register(Item(_("追踪"), "route", "ops-trace", ("admin", "auditor"), "管理", 50))
        import_module("qixia.site.mydata.holds").register_holds()
        watchers = ("data_officer", "auditor")
        register(Item(_("查阅记录"), "shield-lock", "privacy:accesses", watchers, "个人信息", 10))
        register(Item(_("操作历史"), "history", "privacy:history", watchers, "个人信息", 20))
        register(Item(_("保存期限"), "hourglass", "privacy:retention", (*watchers, "admin"), "个人信息", 30))
