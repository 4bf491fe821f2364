"""Uploads that break off: phones in lifts and tunnels. Nothing of them may stay, and others must not notice."""

from __future__ import annotations

import random
import socket
from typing import Any

from qixia.lab.drills.outcome import Outcome, Reporter, hang_up, nothing_lost, percentile, state
from qixia.lab.stage import Stage

ABORTED = {"full": 2000, "small": 80}


def run(stage: Stage, riders: list[dict[str, Any]], size: str) -> Outcome:
    outcome, chance = Outcome.begin("uploads", stage), random.Random(7)
    with_programs = stage.serve()
    reporter = Reporter(stage, riders, 7)
    broken_off = Reporter(stage, riders, 8)
    for number in range(ABORTED[size]):
        key = broken_off.new()
        message = broken_off.open.pop(key)
        with socket.create_connection(("127.0.0.1", stage.port), timeout=10) as connection:
            connection.sendall(message[: chance.randrange(1, int(len(message) * 0.98))])
            hang_up(connection, hard=number % 2 == 0)
        if number % 10 == 0:
            reporter.send(reporter.new())
    reporter.send_all()
    found = state(stage)
    outcome.figures |= {
        "aborted": ABORTED[size],
        "others_p95_ms": percentile(reporter.seconds, 0.95),
        "left_parts": found["parts"],
        "left_files": found["files_without_row"],
    }
    outcome.promise(set(reporter.statuses) <= {"200", "201"}, f"other phones saw {dict(reporter.statuses)}")
    outcome.promise(found["parts"] == 0, f"{found['parts']} temporary files stayed behind")
    outcome.promise(found["files_without_row"] == 0, f"{found['files_without_row']} files without a row")
    outcome.promise(with_programs.process.poll() is None, "the server ended")
    nothing_lost(outcome, stage, [reporter])
    return outcome
