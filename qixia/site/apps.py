from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "qixia.site"
    label = "site"
    verbose_name = "入口"
