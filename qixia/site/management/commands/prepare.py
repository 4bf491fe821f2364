"""`qixia prepare`: bring the database up to date, load reference data, and with --demo the demo district if it is empty.

Safe to repeat. Part of `make run` and of every deployment.
"""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand

# Made by other packages; each loads what is missing and leaves the rest alone.
_REFERENCE = ("setup_data",)
_DEMO = "demo"


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--demo", action="store_true", help="load the demo district into an empty database")

    def handle(self, *args: Any, demo: bool, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        known = get_commands()
        for name in _REFERENCE:
            if name in known:
                call_command(name)
        is_empty = not get_user_model()._default_manager.exists()
        if demo and is_empty and _DEMO in known:
            call_command(_DEMO)
