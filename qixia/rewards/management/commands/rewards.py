"""`qixia rewards audit` proves the books and their seal, with `--full` every sealed posting; `qixia rewards rebuild` writes
cached balances anew.

Prints one JSON object a line: one for each kind of thing that does not fit, then the whole. Exit code 1 if anything doesn't.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from qixia.rewards.services import compare, rebuild


class Command(BaseCommand):
    help = "Prove the points ledger (audit) or rebuild its cached balances (rebuild)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["audit", "rebuild"])
        parser.add_argument(
            "--full", action="store_true", help="read every sealed posting again, not what is new since the last proof"
        )

    def handle(self, *args: Any, what: str, **options: Any) -> None:
        started, cpu = time.perf_counter(), time.process_time()
        changed = rebuild(actor="system:rebuild") if what == "rebuild" else 0
        proof = compare(whole=options["full"] or what == "rebuild")
        line = {
            "command": f"rewards {what}",
            "seconds": round(time.perf_counter() - started, 3),
            "cpu_s": round(time.process_time() - cpu, 3),
            **({"changed": changed} if what == "rebuild" else {}),
            **proof.as_dict(),
        }
        for kind, found in proof.findings.items():
            self.stdout.write(json.dumps({"finding": kind, "count": len(found), "ids": found}, ensure_ascii=False))
        self.stdout.write(json.dumps(line, ensure_ascii=False))
        if not proof.is_sound:
            sys.exit(1)
