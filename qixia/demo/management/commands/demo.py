"""`qixia demo`: load the fictional district."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from qixia.demo.history import DAYS
from qixia.demo.load import SEED, NotADemo, load


class Command(BaseCommand):
    help = "Load the demo district (演示数据) into an empty database; --fresh empties a demo database first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=SEED)
        parser.add_argument("--as-of", type=date.fromisoformat, default=None, help="the day at which the demo stands")
        parser.add_argument("--days", type=int, default=DAYS, help="how many days of the district's life")
        parser.add_argument("--fresh", action="store_true", help="what was in the demo database is lost")

    def handle(self, *args: Any, seed: int, as_of: date | None, days: int, fresh: bool, **options: Any) -> None:
        try:
            load(seed=seed, as_of=as_of, days=days, fresh=fresh, say=lambda text: self.stderr.write(f"demo: {text}"))
        except NotADemo as refusal:
            raise CommandError(str(refusal)) from refusal
