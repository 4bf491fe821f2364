"""People go round the loop (lab/crew.py) and are killed over and over: at named moments inside a transaction, or anywhere.
What was acknowledged is there, each thing once, and paid once."""

from __future__ import annotations

import json
import random
import signal
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from qixia.lab.drills.outcome import Outcome
from qixia.lab.nursery import nursery
from qixia.lab.stage import Stage

KILLS = {"full": 200, "small": 5}
STEP = timedelta(hours=5)  # from life to life: leases end, limits come, days begin
LONGEST_LIFE_S = 20.0  # of one that comes by no moment; it ends of itself after so many acts (crew.ACTS)
# Where a life may die; more than once a life it may pass by, so the first or the second time.
POINTS = [
    "offers.made",
    "offers.taken",
    "witness.written",
    "witness.paid",
    "support.written",
    "support.paid",
    "appeal.granted",
    "appeal.restored",
    "clocks.looked",
    "deliver.fanned",
    "settle.written",
    "jobs.forgotten",
]


def run(stage: Stage, _riders: list[dict[str, Any]], size: str) -> Outcome:
    outcome, chance = Outcome.begin("loop", stage), random.Random(17)
    log, at = stage.folder / "var" / f"crew-{chance.getrandbits(32):x}.log", datetime.now(UTC) - STEP * KILLS[size]
    stage.run("-m", "qixia.site.cli", "lab_crew", "hire")
    with nursery(stage) as born:
        for number in range(KILLS[size]):
            point = POINTS[number % len(POINTS)] if number % 3 else ""
            kill_at = f"{point}:{chance.randint(1, 2)}" if point else ""
            life = born.bear("crew", chance.getrandbits(32), at.isoformat(), str(log), kill_at=kill_at)
            until = time.monotonic() + (LONGEST_LIFE_S if point else chance.uniform(0.2, 2.0))
            while life.lives and time.monotonic() < until:
                time.sleep(0.005)
            life.end(signal.SIGKILL)
            at += STEP
    found = json.loads(stage.run("-m", "qixia.site.cli", "lab_crew", "check", str(log), "--at", at.isoformat()))
    outcome.broken += found["broken"]
    outcome.figures |= {"kills": KILLS[size], "acknowledged": sum(found["acknowledged"].values())} | found[
        "acknowledged"
    ]
    outcome.promise(bool(found["acknowledged"]), "nothing happened at all")
    return outcome
