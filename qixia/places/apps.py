from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from qixia.places.policy import BASEMAP
from qixia.policy import kinds


class PlacesConfig(AppConfig):
    name = "qixia.places"
    label = "places"
    verbose_name = _("地点")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        kinds.register(BASEMAP)
