"""`qixia lab-crew`: for drills. The staff of the lab's town, and what is stored against what they were told; see lab/crew.py."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from qixia.lab import crew


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=("hire", "check"))
        parser.add_argument("log", nargs="?", default="")
        parser.add_argument("--at", default="", help="the moment of the last life")

    def handle(self, *args: Any, what: str, log: str, at: str, **options: Any) -> None:
        if what == "hire":
            crew.hire()
        else:
            self.stdout.write(json.dumps(crew.check(log, at)))
