"""Child of `qixia bench duplicates`: fills this database with fingerprints and asks it. Never in a real one."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from qixia.lab.asking import Options
from qixia.lab.duplicates import measured
from qixia.triage.models import Fingerprint


class Command(BaseCommand):
    help = "Fill the stage's database with fingerprints and measure how quickly similar ones are found."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        for name in ("rows", "asked", "seed"):
            parser.add_argument(name, type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        if Fingerprint.objects.exists():
            raise CommandError("this database is in use")
        found = measured(Options(options["rows"], options["asked"], options["seed"]))
        self.stdout.write(json.dumps(found))
