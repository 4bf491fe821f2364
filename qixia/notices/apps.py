from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "qixia.notices"
    label = "notices"
    verbose_name = "消息"
