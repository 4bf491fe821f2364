"""Child of `qixia bench desk`: fills this database with reports and asks for the desk's pages. Never in a real one."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from qixia.lab.asking import Options
from qixia.lab.desk import measured
from qixia.reports.models import Report


class Command(BaseCommand):
    help = "Fill the stage's database with reports and measure what the staff's pages cost."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        for name in ("rows", "asked", "seed"):
            parser.add_argument(name, type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        if Report.objects.exists():
            raise CommandError("this database is in use")
        for line in measured(Options(options["rows"], options["asked"], options["seed"])):
            self.stdout.write(json.dumps(line, ensure_ascii=False))
