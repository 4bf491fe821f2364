"""`qixia drill NAME`: break something on purpose and see what holds; one JSON line each. Exit code 1: a promise broke."""

from __future__ import annotations

import json
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from qixia.lab.drills import disk, gone, kills, loop, signin, slow, uploads
from qixia.lab.drills.outcome import Outcome
from qixia.lab.postgres import PostgreSQL
from qixia.lab.stage import Stage, stage

DRILLS: dict[str, Callable[[Stage, list[dict[str, Any]], str], Outcome]] = {
    "uploads": uploads.run,
    "slow": slow.run,
    "signin": signin.run,
    "disk": disk.run,
    "database": gone.run,
    "worker": kills.run,
    "loop": loop.run,
}
RIDERS = 8


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="+", choices=[*DRILLS, "all"])
        parser.add_argument("--size", choices=("full", "small"), default="full")
        parser.add_argument("--sqlite", action="store_true", help="on SQLite instead of a PostgreSQL of its own")

    def handle(self, *args: Any, names: list[str], size: str, sqlite: bool, **options: Any) -> None:
        chosen = [name for name in DRILLS if name in names or "all" in names]
        outcomes = [self._one(name, size, sqlite=sqlite) for name in chosen]
        if any(outcome.broken for outcome in outcomes):
            sys.exit(1)

    def _one(self, name: str, size: str, *, sqlite: bool) -> Outcome:
        if sqlite:
            with tempfile.TemporaryDirectory(prefix="qixia-drill-") as folder:
                outcome = perform(name, f"sqlite:///{folder}/drill.sqlite3", Path(folder), size)
        else:
            with PostgreSQL(fsync=True) as pg, tempfile.TemporaryDirectory(prefix="qixia-drill-") as folder:
                outcome = perform(name, pg.url, Path(folder), size)
        line = {"drill": outcome.drill, "size": size, "database": "sqlite" if sqlite else "postgresql"}
        self.stdout.write(json.dumps(line | outcome.figures | {"broken": outcome.broken}, ensure_ascii=False))
        return outcome


def perform(name: str, url: str, folder: Path, size: str) -> Outcome:
    """One drill on an empty database and folder."""
    with stage(url, folder) as place:
        return DRILLS[name](place, place.prepare(riders=RIDERS), size)
