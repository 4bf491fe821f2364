"""How Django finds this package."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MediaConfig(AppConfig):
    name = "qixia.media"
    label = "media"
    verbose_name = _("照片")
