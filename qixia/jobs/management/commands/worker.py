"""`qixia worker`: run background work until told to stop."""

from __future__ import annotations

import signal
from typing import Any, get_args

from django.core.management.base import BaseCommand, CommandError, CommandParser

from qixia.jobs.worker import Loop, Share, run_pending, step_aside
from qixia.policy.queries import is_forbidden_demo


class Command(BaseCommand):
    help = "Run background work until SIGTERM; --once runs what is due and ends."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true")
        parser.add_argument("--share", choices=get_args(Share), default="all", help="slow: pictures only")

    def handle(self, *args: Any, once: bool = False, share: Share = "all", **options: Any) -> None:
        if is_forbidden_demo():
            raise CommandError("QIXIA_MODE is production and the database is stamped demo.")
        if once:
            self.stderr.write(f"{run_pending()} jobs")
            return
        if share in ("slow", "learning"):
            step_aside()
        loop = Loop(share)
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: loop.stopping.set())
        loop.run()
