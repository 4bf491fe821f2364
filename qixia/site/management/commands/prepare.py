"""`qixia prepare`: bring database, reference data and static files up to date; with --demo load the demo district too,
if nobody is there yet.

Safe to repeat. Part of `make run` and of every deployment.
"""

from argparse import ArgumentParser
from io import StringIO
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand

from qixia.kernel.config import get_config
from qixia.reports.services import ask_to_catch_up
from qixia.site.welcome import write_sign_ins

# Stands above us in the layers, so only its name is known here.
_DEMO = "demo"


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--demo", action="store_true", help="load the demo district into an empty database")

    def handle(self, *args: Any, demo: bool, **options: Any) -> None:
        get_config().media.mkdir(parents=True, exist_ok=True, mode=0o700)  # nobody else looks in, whatever the umask
        call_command("migrate", interactive=False, verbosity=0)
        call_command("setup_data", stdout=StringIO())
        call_command("collectstatic", interactive=False, verbosity=0)
        is_empty = not get_user_model()._default_manager.exists()
        if demo and is_empty and _DEMO in get_commands():
            call_command(_DEMO)
        ask_to_catch_up()
        write_sign_ins()
