"""`qixia migrate`: Django's own, which on PostgreSQL never waits long for a lock.

A migration that waits for a lock makes everybody else wait behind it. So it gives up after `--lock-timeout` seconds, lets
the others go first, and tries again, `--lock-tries` times. Each migration is a transaction: a try that failed left nothing.
"""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import OperationalError, connections

LOCK_TIMEOUT_S = 5.0
LOCK_TRIES = 6
PAUSE_S = 5.0
_LOCK_NOT_AVAILABLE = "55P03"


class Command(migrate.Command):
    help = f"{migrate.Command.help} On PostgreSQL it waits for locks in short tries."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        text = "PostgreSQL: longest wait for a lock, in seconds"
        parser.add_argument("--lock-timeout", type=float, default=LOCK_TIMEOUT_S, help=text)
        parser.add_argument("--lock-tries", type=int, default=LOCK_TRIES, help="PostgreSQL: how often to try")

    def handle(self, *args: Any, **options: Any) -> None:
        timeout, tries = options.pop("lock_timeout"), options.pop("lock_tries")
        connection = connections[options["database"]]
        if connection.vendor != "postgresql":
            super().handle(*args, **options)
            return
        for left in reversed(range(tries)):
            try:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{round(timeout * 1000)}ms"])
                super().handle(*args, **options)
                break
            except OperationalError as error:
                if getattr(error.__cause__, "sqlstate", "") != _LOCK_NOT_AVAILABLE:
                    raise
                if not left:
                    raise CommandError(_advice(timeout, tries)) from error
                self.stderr.write(f"A lock was not free within {timeout:g} s; {left} more tries.")
                time.sleep(min(PAUSE_S, timeout))
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")


def _advice(timeout: float, tries: int) -> str:
    return (
        f"A lock was not free within {timeout:g} s, {tries} times. What was done before stands; nothing is half done. "
        "End the long transaction (pg_stat_activity shows it), then run this again."
    )
