"""How Django finds this package."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from qixia.kernel.sealed import declare
from qixia.media.verbs import offer


class MediaConfig(AppConfig):
    name = "qixia.media"
    label = "media"
    verbose_name = _("照片")

    def ready(self) -> None:
        declare("media.Evidence", "wrapped_key", "media.original:{storage_name}", key_id="key_id")
        declare("media.Evidence", "sealed_claimed", "media.claimed:{public_id}")
        declare("media.Evidence", "sealed_measured", "media.measured:{public_id}")
        declare("media.Transfer", "wrapped_key", "media.original:{public_id}", key_id="key_id")
        offer("redact", "qixia.media.management.redact")
        offer("redact-again", "qixia.media.management.redact_again")
