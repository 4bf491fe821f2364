"""The database is gone for a while: first it refuses, then it takes calls and never answers. Phones keep their reports."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from qixia.lab.drills.outcome import Outcome, Reporter, nothing_lost
from qixia.lab.stage import Stage, free_port
from qixia.site.supervisor import is_ready

AWAY = {"full": 30.0, "small": 4.0}
BACK_SECONDS = 40.0


@dataclass
class Wire:
    """A relay between the product and PostgreSQL that can be cut. `mode`: "through", "refuse" or "silent"."""

    target: int
    port: int = field(default_factory=free_port)
    mode: str = "through"
    pairs: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.listener: socket.socket | None = None
        self._listen()

    def _listen(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
        threading.Thread(target=self._accept, args=[self.listener], daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _peer = listener.accept()
                self.pairs.append(near)
                if self.mode == "silent":
                    continue
                far = socket.create_connection(("127.0.0.1", self.target))
                self.pairs.append(far)
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while part := one.recv(65536):
                while self.mode == "silent":
                    time.sleep(0.05)
                other.sendall(part)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self, mode: str) -> None:
        """ "refuse": nobody listens and open connections end. "silent": everything stays open and nothing moves."""
        self.mode = mode
        if mode == "refuse":
            assert self.listener is not None
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self._drop()

    def mend(self) -> None:
        was, self.mode = self.mode, "through"
        if was == "refuse":
            self._listen()
        else:
            self._drop()  # as after a reboot: what hung there is reset

    def _drop(self) -> None:
        for one in self.pairs:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self.pairs.clear()


def run(stage: Stage, riders: list[dict[str, Any]], size: str) -> Outcome:
    outcome = Outcome.begin("database", stage)
    outcome.promise(stage.url.startswith("postgres"), "SQLite is a file: this drill is about PostgreSQL")
    if outcome.broken:
        return outcome
    wire = Wire(urlsplit(stage.url).port or 5432)
    plain, stage.url = stage.url, stage.url.replace(f":{wire.target}/", f":{wire.port}/")
    stage.environment["QIXIA_DATABASE_URL"] = stage.url
    program = stage.serve()
    reporters = []
    for mode in ("refuse", "silent"):
        reporters.append(_away(outcome, stage, wire, riders, mode, AWAY[size]))
    outcome.promise(program.process.poll() is None, "the server ended")
    stage.environment["QIXIA_DATABASE_URL"] = stage.url = plain
    nothing_lost(outcome, stage, reporters)
    return outcome


def _away(
    outcome: Outcome, stage: Stage, wire: Wire, riders: list[dict[str, Any]], mode: str, seconds: float
) -> Reporter:
    reporter = Reporter(stage, riders, hash(mode) % 1000)
    for _ in range(5):
        reporter.send(reporter.new())
    outcome.promise(len(reporter.receipts) == 5, f"{mode}: reports failed before anything was cut: {reporter.texts}")
    reporter.statuses.clear()
    wire.cut(mode)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        reporter.send(reporter.new())
        time.sleep(0.2)
    ready_while_away = is_ready(stage.port, tls=False)
    seen = dict(reporter.statuses)
    wire.mend()
    began = time.monotonic()
    reporter.send_all(BACK_SECONDS)
    back = round(time.monotonic() - began, 1)
    outcome.figures[mode] = {"away_s": seconds, "statuses": seen, "all_sent_after_s": back}
    outcome.promise(not ready_while_away, f"{mode}: /readyz said yes without a database")
    outcome.promise("201" not in seen and "200" not in seen, f"{mode}: receipts without a database: {seen}")
    outcome.promise(mode == "silent" or set(seen) <= {"503"}, f"{mode}: phones saw {seen} instead of 503")
    outcome.promise(
        not reporter.open, f"{mode}: {len(reporter.open)} reports did not go out afterwards: {reporter.texts}"
    )
    return reporter
