"""`qixia bench intake`, `ledger`, `redact`, `vault`, `duplicates`, `desk`, `gifts` and `triage`: what the machine does, as JSON lines;
see lab/intake.py, ledger.py, redaction.py, vault.py, duplicates.py, desk.py, gifts.py and labels.py. Logs go to stderr. Everything that they start and write is gone afterwards."""

from __future__ import annotations

import json
import signal
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from qixia.lab import apt, asking, desk, duplicates, gifts, intake, labels, ledger, redaction, vault


class Command(BaseCommand):
    help = "Measure intake or the ledger against raw PostgreSQL, or covering and sealing pictures; one JSON line each on stdout."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "what", choices=("intake", "ledger", "redact", "vault", "duplicates", "desk", "gifts", "triage")
        )
        parser.add_argument("--seconds", type=float, default=10.0, help="of each round (less is a smoke test)")
        parser.add_argument("--rounds", type=int, default=3)
        parser.add_argument("--clients", type=int, default=8)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--data", type=Path, help="the folder of the public sets for `triage`")
        parser.add_argument(
            "--rows",
            type=int,
            default=duplicates.ROWS,
            help="fingerprints for `duplicates`, reports for `desk`, entrants for `gifts` (130,000 if not said)",
        )

    def handle(self, *args: Any, what: str, **options: Any) -> None:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(130))  # the context managers tidy up
        command = " ".join(["qixia", *sys.argv[1:]])
        if what == "redact":
            for line in redaction.run(command, seed=options["seed"], rounds=options["rounds"]):
                self._say(line)
            return
        if what == "triage":
            self._labels(command, options["data"], options["seed"])
            return
        if what == "vault":
            for line in vault.run(options["rounds"], command, options["seed"]):
                self._say(line)
            return
        try:
            apt.ensure([apt.POSTGRESQL])
        except apt.CannotInstall as error:
            print(error, file=sys.stderr)
            sys.exit(1)
        if what == "duplicates":
            for line in duplicates.run(command, asking.Options(options["rows"], duplicates.ASKED, options["seed"])):
                self._say(line)
            return
        if what == "gifts":
            rows = gifts.ROWS if options["rows"] == duplicates.ROWS else options["rows"]
            for line in gifts.run(command, gifts.Options(rows=rows, seed=options["seed"])):
                self._say(line)
            return
        if what == "desk":
            for line in desk.run(command, asking.Options(options["rows"], desk.ASKED, options["seed"])):
                self._say(line)
            return
        chosen = intake.Options(options["seconds"], options["rounds"], options["clients"], options["seed"])
        if what == "intake":
            self._say(intake.run(chosen, command))
        else:
            for scenario in ledger.SCENARIOS:
                self._say(ledger.run(chosen, command, scenario))

    def _labels(self, command: str, data: Path | None, seed: int) -> None:
        if data is None:
            raise CommandError("--data must name the folder of the public sets (docs/triage.md)")
        try:
            for line in labels.run(command, data, seed=seed):
                self._say(line)
        except labels.NoData as error:
            raise CommandError(f"no such file: {error}") from error

    def _say(self, line: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(line, ensure_ascii=False))
        self.stdout.flush()
