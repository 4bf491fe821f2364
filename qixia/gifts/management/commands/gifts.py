"""`qixia gifts verify FILE`: recompute a published draw. One JSON line; exit code 1 and the reason if it doesn't fit."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from qixia.gifts.rules import draw


class Command(BaseCommand):
    help = "Check the published list of a draw: the promise, the sealed list, the seed and every result."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["verify"])
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, what: str, file: Path, **options: Any) -> None:
        try:
            with file.open(encoding="utf-8", newline="\n") as lines:
                found = draw.verify(lines)
        except (draw.BadFile, OSError, UnicodeError, ValueError) as error:
            self.stdout.write(json.dumps({"fits": False, "why": str(error)}, ensure_ascii=False))
            sys.exit(1)
        line = {"fits": True, "entrants": found.entrants, "kits": found.kits, "won": found.won}
        self.stdout.write(json.dumps(line))
