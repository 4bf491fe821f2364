"""How Django finds this package."""

from django.apps import AppConfig


class MediaConfig(AppConfig):
    name = "qixia.media"
    label = "media"
    verbose_name = "照片"
