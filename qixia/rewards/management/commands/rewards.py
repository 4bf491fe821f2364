"""`qixia rewards audit` proves the books and their seal, with `--full` every sealed posting; `qixia rewards rebuild` writes
cached balances anew; `qixia rewards balance OWNER|totals --at TIME [--unit UNIT]` adds up what had been booked by then.

Prints one JSON object a line: one for each kind of thing that does not fit, then the whole. Exit code 1 if anything doesn't.
A balance is one line for each pot, and changes nothing.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from qixia.kernel import clock
from qixia.rewards import rules
from qixia.rewards.queries import balance_at
from qixia.rewards.queries.books import totals_at
from qixia.rewards.services import compare, rebuild

TOTALS = "totals"


class Command(BaseCommand):
    help = "Prove the points ledger (audit), rebuild its cached balances (rebuild) or add up what lay where (balance)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["audit", "rebuild", "balance"])
        parser.add_argument(
            "--full", action="store_true", help="read every sealed posting again, not what is new since the last proof"
        )
        parser.add_argument("owner", nargs="?", help="of balance: person:…, organisation:…, budget:…, city, or totals")
        parser.add_argument(
            "--at", help="of balance: 2026-11-30 (its end) or 2026-11-30T18:00, in the city's time; now"
        )
        parser.add_argument("--unit", choices=rules.UNITS, help="of balance: points or fen; both")

    def handle(self, *args: Any, what: str, **options: Any) -> None:
        if what == "balance":
            self._balance(options["owner"], options["at"], options["unit"])
        elif options["owner"] or options["at"] or options["unit"]:
            raise CommandError(f"{what} takes no owner, --at or --unit")
        else:
            self._prove(what, options)

    def _balance(self, owner: str | None, at: str | None, unit: str | None) -> None:
        if not owner:
            raise CommandError("balance of whom? person:…, organisation:…, budget:…, city, or totals")
        moment = _moment(at) if at else clock.now()
        head = {"command": "rewards balance", "owner": owner, "at": moment.isoformat()}
        units = (unit,) if unit else rules.UNITS
        if owner == TOTALS:
            found = [(one.kind, one.unit, one.balance) for one in totals_at(moment, unit=unit or "")]
        else:
            every = [(kind, of, balance_at(owner, moment, kind=kind, unit=of)) for of in units for kind in rules.KINDS]
            found = [line for line in every if line[2]]
        for kind, of, balance in found:
            self._say({**head, "kind": kind, "unit": of, "balance": balance})
        sums = {of: sum(balance for _kind, unit_of, balance in found if unit_of == of) for of in units}
        self._say({**head, "sum": sums})

    def _prove(self, what: str, options: dict[str, Any]) -> None:
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
            self._say({"finding": kind, "count": len(found), "ids": found})
        self._say(line)
        if not proof.is_sound:
            sys.exit(1)

    def _say(self, line: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(line, ensure_ascii=False))


def _moment(text: str) -> datetime:
    """A day means its end; a time without a zone is the city's."""
    try:
        typed = datetime.fromisoformat(text)
        if len(text) <= len("2026-11-30"):
            return clock.city_day(typed.date())[1] - timedelta(microseconds=1)
    except (ValueError, OverflowError) as error:
        raise CommandError(f"{text}: no moment; write 2026-11-30 or 2026-11-30T18:00") from error
    return typed if typed.tzinfo else typed.replace(tzinfo=clock.CITY_TZ)
