"""How Django finds this package."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _

from qixia.kernel.sealed import declare


class JobsConfig(AppConfig):
    name = "qixia.jobs"
    label = "jobs"
    verbose_name = _("后台任务")

    def ready(self) -> None:
        declare("jobs.Command", "result", "command:{caller}")
        autodiscover_modules("tasks")
