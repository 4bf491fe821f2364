"""`qixia triage WHAT …`: each WHAT is a module of `management/subcommands` with `add_arguments` and `run`."""

from __future__ import annotations

from argparse import ArgumentParser
from types import ModuleType
from typing import Any

from django.core.management.base import BaseCommand

from qixia.triage.management.subcommands import evaluate, pairs, train

SUBCOMMANDS: dict[str, ModuleType] = {"evaluate": evaluate, "pairs": pairs, "train": train}


class Command(BaseCommand):
    help = "Measure, train and compare what sorts the reports."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="what", required=True)
        for name, module in SUBCOMMANDS.items():
            module.add_arguments(commands.add_parser(name, help=module.HELP))

    def handle(self, *args: Any, **options: Any) -> None:
        SUBCOMMANDS[options["what"]].run(options, self.stdout)
