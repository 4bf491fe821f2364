"""The kill harness: the real server and workers, phones that report without pause, and SIGKILL in between.

A round starts web server, worker and picture worker, each perhaps armed with a named moment (kernel/faults.py); phones
report meanwhile and remember what was acknowledged and what was left open. Then everything is killed at once, as by a
power cut of the machine's processes, and the next round begins on what is left.

What it can't show: a power cut of the disk. Durability of a commit is the database's (fsync; SQLite synchronous=FULL).
"""

from __future__ import annotations

import contextlib
import random
import secrets
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import psycopg
from PIL import Image

from qixia.lab.clients import CREATED, OK, Phone, form, request, somewhere
from qixia.lab.nursery import Born, Nursery
from qixia.lab.stage import Stage, tree

PHONES = 3
OPEN_AT_MOST = 12
# Between two reports of a phone. A few reach the moments; each one more costs time when all are settled at the end.
PAUSE_SECONDS = 0.06
REACH_SECONDS = 12.0
DRAIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Round:
    """Where each program is to die; "" is a random moment."""

    web: str
    worker: str
    pictures: str = ""


@dataclass
class Asked:
    """What the phones know. `open`: sent, no answer seen."""

    receipts: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def open(self) -> list[str]:
        with self.lock:
            return [key for key in self.bodies if key not in self.receipts]

    def note(self, key: str, status: int, answer: Any) -> None:
        """A server error leaves the report open: a phone would try again."""
        with self.lock:
            if status in (OK, CREATED):
                first = self.receipts.setdefault(key, answer["public_id"])
                if first != answer["public_id"]:
                    self.refused.append(f"{key}: {first}, then {answer['public_id']}")
            elif status < 500:
                self.refused.append(f"{key}: {status} {answer}"[:300])


@dataclass
class Harness:
    """One database and folder through all rounds."""

    stage: Stage
    riders: list[dict[str, Any]]
    chance: random.Random
    nursery: Nursery
    asked: Asked = field(default_factory=Asked)
    reached: list[str] = field(default_factory=list)
    kills: int = 0

    def round(self, plan: Round) -> None:
        """Start all, report, let them die at the planned moments, kill what is left."""
        programs = self._start(plan)
        stop = threading.Event()
        phones = [threading.Thread(target=self._phone, args=(number, stop)) for number in range(PHONES)]
        for phone in phones:
            phone.start()
        before = len(self.reached)
        self._await_deaths(programs, plan)
        died = self.reached[before:]
        web, worker = programs[0], programs[1]
        # Deaths seen: at the planned moments, and of what still ran when the round's end came (a random moment).
        self.kills += len(died) + (plan.web not in died and web.lives) + (plan.worker not in died and worker.lives)
        for program in programs:
            program.end(signal.SIGKILL)
        stop.set()
        for phone in phones:
            phone.join()
        self.let_leases_lapse()

    def _start(self, plan: Round) -> list[Born]:
        programs = [
            self._bear("web", self.stage.port, at=plan.web),
            self._bear("worker", "urgent", at=plan.worker),
            self._bear("worker", "slow", at=plan.pictures),
        ]
        self.stage.wait_ready()
        return programs

    def _bear(self, program: str, *words: object, at: str) -> Born:
        return self.nursery.bear(program, *words, kill_at=f"{at}:{self.chance.randint(1, 5)}" if at else "")

    def _await_deaths(self, programs: list[Born], plan: Round) -> None:
        """Wait until every armed program has died; a random moment is a random pause."""
        web, worker, pictures = programs
        serving = tree(web.pid)[1:]
        waited = {
            plan.web: lambda: not set(serving) <= set(tree(web.pid)),  # granian might start another one
            plan.worker: lambda: not worker.lives,
            plan.pictures: lambda: not pictures.lives,
        }
        waited.pop("", None)
        until = time.monotonic() + REACH_SECONDS
        while waited and time.monotonic() < until:
            time.sleep(0.01)
            for name in [name for name, is_dead in waited.items() if is_dead()]:
                del waited[name]
                self.reached.append(name)
                if name == plan.web and waited:  # the others die of reports, so somebody must take them in
                    web.end(signal.SIGKILL)
                    programs.append(self._bear("web", self.stage.port, at=""))
        if "" in (plan.web, plan.worker):
            time.sleep(self.chance.uniform(0.05, 0.7))

    def _phone(self, number: int, stop: threading.Event) -> None:
        chance, phone = random.Random(self.chance.random() + number), Phone(self.stage.port)
        while not stop.is_set():
            retries = self.asked.open
            # Now and then a phone sends again what was left open, as its owner would.
            again = len(retries) > OPEN_AT_MOST or (retries and chance.random() < 0.3)
            self.send(phone, chance.choice(retries) if again else self._new(chance))
            stop.wait(PAUSE_SECONDS)
        phone.close()

    def _new(self, chance: random.Random) -> str:
        key = secrets.token_hex(12)
        body = form(key, small_photo(chance), somewhere(chance))
        message = request(self.riders[chance.randrange(len(self.riders))]["session"], body)
        with self.asked.lock:
            self.asked.bodies[key] = message
        return key

    def send(self, phone: Phone, key: str) -> None:
        with contextlib.suppress(OSError, ValueError, StopIteration):  # died before or in the middle of its answer
            self.asked.note(key, *phone.post(self.asked.bodies[key]))

    def finish(self) -> None:
        """Everything runs, unarmed: phones send again what was left open and some of what was acknowledged."""
        programs = self._start(Round("", ""))
        programs.append(self._bear("worker", "all", at=""))  # the picture worker lets others go first: too patient here
        phone = Phone(self.stage.port)
        for key in [*self.asked.open, *self.chance.sample(sorted(self.asked.receipts), 10)]:
            self.send(phone, key)
        phone.close()
        self._drain()
        for program in programs:
            program.end(signal.SIGTERM)

    def _drain(self) -> None:
        until = time.monotonic() + DRAIN_SECONDS
        waiting = "SELECT name, attempts, run_at, lease, last_error FROM jobs_job WHERE quarantined_at IS NULL AND key IS NULL"
        while left := self.ask(waiting):
            assert time.monotonic() < until, f"the queue does not drain: {left[:5]}"
            time.sleep(0.1)

    def let_leases_lapse(self) -> None:
        """All programs are dead: instead of waiting for their leases to end, let them have ended."""
        if self.stage.url.startswith("postgres"):  # a dead client's last statement may still run to its commit
            others = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            until = time.monotonic() + REACH_SECONDS
            while self.ask(others)[0][0] and time.monotonic() < until:
                time.sleep(0.02)
        now = "now()" if self.stage.url.startswith("postgres") else "strftime('%Y-%m-%d %H:%M:%f', 'now')"
        self.ask(f"UPDATE jobs_job SET run_at = {now} WHERE run_at > {now} AND lease <> ''")

    def ask(self, sql: str) -> list[Any]:
        with connected(self.stage.url) as db:
            cursor = db.execute(sql)
            rows = cursor.fetchall() if cursor.description else []
            db.commit()
        return rows


@contextlib.contextmanager
def connected(url: str) -> Iterator[Any]:
    """A plain connection to either database."""
    sqlite = url.removeprefix("sqlite:///")
    db: Any = sqlite3.connect(sqlite, timeout=20) if sqlite != url else psycopg.connect(url)
    try:
        yield db
    finally:
        db.close()


def small_photo(chance: random.Random) -> bytes:
    """A JPEG that costs little to make and to shrink, unlike all others."""
    picture = Image.new("RGB", (64, 48), (chance.randrange(256), chance.randrange(256), chance.randrange(256)))
    out = BytesIO()
    picture.save(out, "JPEG", comment=secrets.token_bytes(8).hex().encode())
    return out.getvalue()


def original(stage: Stage, name: str) -> Path:
    return stage.folder / "var" / "media" / "originals" / name[:3] / name
