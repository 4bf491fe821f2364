"""Clients that dribble: a header byte a second, a body at 1 kB/s. Others must get through.

Behind nginx with the configuration that we ship, as in production. Without it a slow body holds one of the eight threads of
the web server until it has come.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import Any

from qixia.lab.drills.outcome import Outcome, Reporter, nothing_lost, percentile
from qixia.lab.proxy import nginx
from qixia.lab.stage import Stage

SLOWEST_MS = 5000
CLIENTS = {"full": 200, "small": 24}
SECONDS = {"full": 30.0, "small": 6.0}


def run(stage: Stage, riders: list[dict[str, Any]], size: str) -> Outcome:
    outcome = Outcome.begin("slow", stage)
    stage.serve()
    own = stage.port
    with nginx(stage.folder / "nginx", own) as stage.port:
        reporter = Reporter(stage, riders, 9)
        before, during = _drill(stage, reporter, size)
    stage.port = own
    outcome.figures |= {
        "slow_clients": CLIENTS[size],
        "p95_ms_before": before,
        "p95_ms_during": during,
        "statuses": dict(reporter.statuses),
    }
    # nginx ends a kept connection after a thousand requests; the phone opens another one and goes on.
    seen = set(reporter.statuses) - {"ConnectionResetError", "BrokenPipeError"}
    outcome.promise(seen <= {"200", "201"}, f"other phones saw {dict(reporter.statuses)}")
    outcome.promise(during is not None and during < SLOWEST_MS, f"while they dribbled, others waited {during} ms")
    nothing_lost(outcome, stage, [reporter])
    return outcome


def _drill(stage: Stage, reporter: Reporter, size: str) -> tuple[float | None, float | None]:
    """p95 of other phones before and while slow clients are there."""
    stop = threading.Event()
    before = _report_for(reporter, SECONDS[size] / 3)
    slow = [threading.Thread(target=_dribble, args=(stage.port, *one, stop)) for one in _slow(stage, reporter, size)]
    for thread in slow:
        thread.start()
    time.sleep(1.0)
    during = _report_for(reporter, SECONDS[size])
    stop.set()
    for thread in slow:
        thread.join()
    reporter.send_all()
    return before, during


def _slow(stage: Stage, reporter: Reporter, size: str) -> list[tuple[bytes, int]]:
    """(message, bytes a second): half of them bodies, half of them headers that never end."""
    other = Reporter(stage, reporter.riders, 10)
    bodies = [(other.open[other.new()], 1000) for _ in range(CLIENTS[size] // 2)]
    head = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 5000
    return [*bodies, *[(head, 2)] * (CLIENTS[size] - len(bodies))]


def _report_for(reporter: Reporter, seconds: float) -> float | None:
    reporter.seconds = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        reporter.send(reporter.new())
    return percentile(reporter.seconds, 0.95)


def _dribble(port: int, message: bytes, bytes_a_second: int, stop: threading.Event) -> None:
    """Send so slowly that it never gets done; hang up in the end."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        step = max(1, bytes_a_second // 2)
        for start in range(0, len(message) - 1, step):
            connection.sendall(message[start : start + step])
            if stop.wait(0.5):
                return
