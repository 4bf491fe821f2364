"""`qixia lab-town`: for benches and harnesses. Builds the lab's town in an empty database and prints its riders as JSON."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from qixia.lab.town import build


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--riders", type=int, default=8)

    def handle(self, *args: Any, riders: int, **options: Any) -> None:
        self.stdout.write(json.dumps([asdict(rider) for rider in build(riders)]))
