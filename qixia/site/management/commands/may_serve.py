"""`qixia may_serve`: what `qixia serve` asks first in production."""

from typing import Any

from django.core.management.base import BaseCommand

from qixia.site.installation import refuse_demo


class Command(BaseCommand):
    help = "Exit 1, with a sentence, if this installation must not be served (a demo database in production)."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_demo()
