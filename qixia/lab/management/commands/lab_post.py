"""`qixia lab-post`: for `qixia bench ledger`. One client that awards points until its time is over; prints JSON."""

from __future__ import annotations

import json
import random
import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from qixia.lab.town import MAKER
from qixia.rewards.services import Award, award_many


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--first", type=int, default=0, help="number of the first account")
        parser.add_argument("--accounts", type=int, default=1)
        parser.add_argument("--batch", type=int, default=1)
        parser.add_argument("--seconds", type=float, default=0.0, help="0: each account once")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--warm", action="store_true", help="post a batch before it is ready, told as `warmed`")

    def handle(self, *args: Any, **options: Any) -> None:
        accounts = range(options["first"], options["first"] + options["accounts"])
        chance, done, sources = random.Random(options["seed"]), 0, 0
        if not options["seconds"]:
            award_many([_award(number, f"lab:open-{number}") for number in accounts])
            return
        warmed = 0
        if options["warm"]:  # the rules are read and the connection is open, as in a busy process
            warm = f"lab:warm-{options['seed']}"
            warmed = len(award_many([_award(chance.choice(accounts), f"{warm}-{n}") for n in range(options["batch"])]))
        print("ready", flush=True)
        sys.stdin.readline()  # "go"
        until, spent = time.perf_counter() + options["seconds"], time.process_time()
        while time.perf_counter() < until:
            awards = []
            for _ in range(options["batch"]):
                sources += 1
                awards.append(_award(chance.choice(accounts), f"lab:{options['seed']}-{sources}"))
            done += len(award_many(awards))
        print(json.dumps({"posted": done, "warmed": warmed, "cpu_s": time.process_time() - spent}))


def _award(number: int, source: str) -> Award:
    params = {"number": "407188235", "place": "云帆路 8 号附近（试社区）", "link": "/r/0123456789abcdefghjkmnpqrs/"}
    return Award(f"lab:{number:05d}", "manhole", source, "reports.dispatched", MAKER, params=params)
