"""How Django finds this package."""

from importlib import import_module

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _

from qixia.kernel.sealed import declare


class AuditConfig(AppConfig):
    name = "qixia.audit"
    label = "audit"
    verbose_name = _("历史")

    def ready(self) -> None:
        declare("audit.AccessRecord", "sealed_reason", "access-reason:{public_id}", append_only=True)
        import_module("qixia.audit.kinds")
        autodiscover_modules("retention")  # what each package keeps for how long
