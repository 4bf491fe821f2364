"""The real programs on a stage of their own: database, folder, migrations, a town, `qixia serve`; gone afterwards.

Truth    everything lies in one folder: with PostgreSQL the cluster's own, which its guardian removes even when we are
         killed. Programs end with us (parent-death signal), whatever ended us.
Errors   StageFailed with the end of the log.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qixia.kernel.keys import make_key_file
from qixia.lab.template import migrated
from qixia.site.supervisor import die_with_parent, is_ready

READY_SECONDS = 60.0
POLITE_SECONDS = 20.0
_TICK = float(os.sysconf("SC_CLK_TCK"))


class StageFailed(RuntimeError):
    """A program of the stage did not do what it was started for."""


@dataclass
class Program:
    """A started child, leader of its own group."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> None:
        """Politely, then hard, with everything that it started."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=POLITE_SECONDS)
        self.kill()

    def kill(self) -> None:
        """As a power cut: SIGKILL to it and all that it started, which `qixia serve` gives groups of their own."""
        family = tree(self.pid)
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(timeout=POLITE_SECONDS)
        until = time.monotonic() + POLITE_SECONDS
        while any(is_alive(pid) for pid in family) and time.monotonic() < until:
            time.sleep(0.01)

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]


@dataclass
class Stage:
    """Where the programs run. `folder` is empty and writable; nothing outside it is touched."""

    url: str
    folder: Path
    port: int = 0
    environment: dict[str, str] = field(default_factory=dict)
    programs: list[Program] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.port = self.port or free_port()
        var = self.folder / "var"
        (var / "static").mkdir(parents=True, exist_ok=True)
        make_key_file(var / "keys" / "master.key")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("QIXIA_")}
        own = {"QIXIA_DATABASE_URL": self.url, "QIXIA_VAR_DIR": str(var), "QIXIA_LOG_LEVEL": "WARNING"}
        self.environment = {**kept, **own, "DJANGO_SETTINGS_MODULE": "qixia.site.settings"}

    def run(self, *words: str) -> str:
        """A short program to its end; its standard output."""
        done = subprocess.run(
            [sys.executable, *words], env=self.environment, capture_output=True, text=True, check=False, timeout=600
        )
        if done.returncode:
            raise StageFailed(f"{' '.join(words)}: {done.stderr[-3000:]}")
        return done.stdout

    def prepare(self, *, riders: int) -> list[dict[str, Any]]:
        """Migrate and build the town. Returns its riders (see lab.town.LabRider)."""
        self.migrate()
        found: list[dict[str, Any]] = json.loads(self.run("-m", "qixia.site.cli", "lab_town", "--riders", str(riders)))
        return found

    def migrate(self) -> None:
        """All tables into the empty database; within a test run that is done once, then copied."""
        words = ("-m", "qixia.site.cli", "migrate", "--no-input", "--verbosity", "0")
        templates = os.environ.get("QIXIA_TEST_TEMPLATES")
        if templates:
            migrated(self.url, Path(templates), lambda: self.run(*words))
        else:
            self.run(*words)

    def start(self, *words: str, before: Sequence[str] = (), **more: str) -> Program:
        """A program of ours in the background; `before` is what runs it ("unshare …"), `more` goes into its environment."""
        log = self.folder / "var" / f"program-{len(self.programs)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*before, sys.executable, *words],
                env={**self.environment, **more},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        program = Program(process, log)
        self.programs.append(program)
        return program

    def serve(self, *more: str) -> Program:
        """`qixia serve`, until /readyz says yes."""
        program = self.start("-m", "qixia.site.cli", "serve", "--port", str(self.port), *more)
        self.wait_ready(program)
        return program

    def wait_ready(self, *programs: Program) -> None:
        until = time.monotonic() + READY_SECONDS
        while not is_ready(self.port, tls=False):
            if any(program.process.poll() is not None for program in programs) or time.monotonic() > until:
                raise StageFailed("\n".join(program.last_words() for program in programs))
            time.sleep(0.05)

    def close(self) -> None:
        for program in self.programs:
            if program.process.poll() is None:
                program.stop()


@contextlib.contextmanager
def stage(url: str, folder: Path) -> Iterator[Stage]:
    found = Stage(url, folder)
    try:
        yield found
    finally:
        found.close()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


# What processes cost


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds by part of the system."""

    web: float
    worker: float
    pictures: float
    database: float

    def __sub__(self, other: Cost) -> Cost:
        return Cost(
            self.web - other.web,
            self.worker - other.worker,
            self.pictures - other.pictures,
            self.database - other.database,
        )

    @property
    def total(self) -> float:
        return self.web + self.worker + self.pictures + self.database


def cost(served: Program, postmaster: int) -> Cost:
    """So far, from /proc: `qixia serve`'s tree by what each process does, and PostgreSQL's."""
    found = {"web": 0.0, "worker": 0.0, "pictures": 0.0}
    for pid in tree(served.pid):
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            part = "pictures" if "slow" in words else "worker" if "worker" in words else "web"
            found[part] += cpu_of(pid, with_children=False)
    return Cost(**found, database=cpu_of(postmaster) + sum(cpu_of(pid) for pid in tree(postmaster)[1:]))


def tree(root: int) -> list[int]:
    """`root` and what descends from it, now."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for pid in found:
        found.extend(parents.get(pid, []))
    return found


def is_alive(pid: int) -> bool:
    """Whether it may still run: there, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def cpu_of(pid: int, *, with_children: bool = True) -> float:
    """User and system seconds of a process and, if asked, of its finished children; 0 if it is gone."""
    try:
        columns = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(value) for value in columns[11 : 15 if with_children else 13]) / _TICK
