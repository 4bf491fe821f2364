from django.apps import AppConfig


class PlacesConfig(AppConfig):
    name = "qixia.places"
    label = "places"
    verbose_name = "地点"
