"""`qixia media <verb>`: tools for pictures; packages offer the verbs, see `qixia.media.verbs`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from qixia.media.verbs import verbs


class Command(BaseCommand):
    help = "Tools for pictures and clips."

    def add_arguments(self, parser: ArgumentParser) -> None:
        # Plain parsers: Django's own one wants arguments of the command that calls it.
        choices = parser.add_subparsers(dest="verb", required=True, parser_class=ArgumentParser)
        for name, verb in verbs().items():
            verb.add_arguments(choices.add_parser(name, help=verb.HELP, description=verb.HELP))

    def handle(self, *args: Any, **options: Any) -> None:
        verbs()[options["verb"]].run(options, self.stdout.write)
