"""The worker is killed over and over while reports come in. Each report is settled and paid once."""

from __future__ import annotations

import random
import signal
import threading
import time
from typing import Any

from qixia.lab.drills.outcome import Outcome, Reporter, nothing_lost
from qixia.lab.nursery import nursery
from qixia.lab.stage import Stage

KILLS = {"full": 100, "small": 12}
LONGEST_LIFE_S = 0.8


def run(stage: Stage, riders: list[dict[str, Any]], size: str) -> Outcome:
    outcome, chance, stop = Outcome.begin("worker", stage), random.Random(11), threading.Event()
    with nursery(stage) as born:
        web = born.bear("web", stage.port)
        reporter = Reporter(stage, riders, 11)
        first = born.bear("worker", "urgent")
        stage.wait_ready()
        phone = threading.Thread(target=_report, args=(reporter, stop))
        phone.start()
        worker, lives = first, []
        began = time.monotonic()
        for _ in range(KILLS[size]):
            lives.append(chance.uniform(0.02, LONGEST_LIFE_S))
            time.sleep(lives[-1])
            worker.end(signal.SIGKILL)
            worker = born.bear("worker", chance.choice(["urgent", "all"]))
        took = time.monotonic() - began
        stop.set()
        phone.join()
        reporter.send_all()
        last = time.monotonic()
        nothing_lost(outcome, stage, [reporter])
        outcome.figures |= {
            "kills": KILLS[size],
            "seconds": round(took, 1),
            "all_settled_after_s": round(time.monotonic() - last, 1),
            "statuses": dict(reporter.statuses),
        }
        outcome.promise(set(reporter.statuses) <= {"200", "201"}, f"phones saw {dict(reporter.statuses)}")
        for program in (worker, web):
            program.end(signal.SIGTERM)
    return outcome


def _report(reporter: Reporter, stop: threading.Event) -> None:
    while not stop.is_set():
        reporter.send(reporter.new())
        stop.wait(0.05)
