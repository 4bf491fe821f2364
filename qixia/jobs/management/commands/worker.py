"""`qixia worker`: run background work until told to stop."""

from __future__ import annotations

import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from qixia.jobs.worker import Loop, run_pending


class Command(BaseCommand):
    help = "Run background work until SIGTERM; --once runs what is due and ends."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true")

    def handle(self, *args: Any, once: bool = False, **options: Any) -> None:
        if once:
            self.stderr.write(f"{run_pending()} jobs")
            return
        loop = Loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: loop.stopping.set())
        loop.run()
