"""Programs of a stage that start within milliseconds: forked by a process that has loaded Django already (lab/cradle.py)."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qixia.lab.stage import Stage
from qixia.site.supervisor import die_with_parent

GONE_SECONDS = 12.0


@dataclass(frozen=True, slots=True)
class Born:
    """A program out of the nursery, leader of its own group."""

    pid: int

    @property
    def lives(self) -> bool:
        return Path(f"/proc/{self.pid}").exists()

    def end(self, number: signal.Signals) -> None:
        """Signal the whole group and wait until it is gone."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)
        until = time.monotonic() + GONE_SECONDS
        while self.lives and time.monotonic() < until:
            time.sleep(0.005)


@dataclass(frozen=True, slots=True)
class Nursery:
    """The process that starts programs for one stage; they end with it."""

    stage: Stage
    process: subprocess.Popen[str]

    def bear(self, program: str, *words: object, kill_at: str = "") -> Born:
        """`kill_at` is a named moment and a count ("settle.paid:3"), see kernel/faults.py."""
        log = self.stage.folder / "var" / f"{program}-{words[0]}.log"
        order = {"program": program, "words": words, "kill_at": kill_at, "log": str(log)}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return Born(int(self.process.stdout.readline()))


@contextlib.contextmanager
def nursery(stage: Stage) -> Iterator[Nursery]:
    """Open until the end of the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "qixia.lab.cradle"],
        env=stage.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_parent,
    ) as process:
        yield Nursery(stage, process)
