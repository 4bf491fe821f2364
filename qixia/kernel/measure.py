"""The part of every measured JSON line that is the same everywhere: what ran, on which commit, at whose cost.

Units    seconds of wall time; cpu_s is user + system time of this process and its finished children; foreign_cpu is
         the share (0-1) of the machine's CPU that others used meanwhile, None where /proc/stat is missing.
Errors   none: what cannot be known is "unknown" or None.
"""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PROJECT = Path(__file__).resolve().parents[2]
_IDLE = (3, 4)  # columns of /proc/stat: idle and waiting for disks


@dataclass(frozen=True, slots=True)
class Measure:
    """A running measurement."""

    command: str
    seed: int | None
    wall: float
    cpu: float
    busy: float | None

    def finish(self, *, helpers_cpu_s: float = 0.0) -> dict[str, Any]:
        """The common keys. `helpers_cpu_s`: CPU of processes of ours that still run, such as a server."""
        seconds = time.perf_counter() - self.wall
        cpu = _own_cpu() - self.cpu + helpers_cpu_s
        return {
            "command": self.command,
            "commit": commit(),
            "seed": self.seed,
            "seconds": round(seconds, 3),
            "cpu_s": round(cpu, 3),
            "foreign_cpu": self._foreign(seconds, cpu),
        }

    def _foreign(self, seconds: float, cpu: float) -> float | None:
        busy = _busy()
        if busy is None or self.busy is None or seconds <= 0:
            return None
        share = (busy - self.busy - cpu) / (seconds * (os.cpu_count() or 1))
        return round(min(max(share, 0.0), 1.0), 3)


def start(command: str, *, seed: int | None = None) -> Measure:
    """Begin to measure `command`, as it was typed."""
    return Measure(command, seed, time.perf_counter(), _own_cpu(), _busy())


def commit() -> str:
    """The commit that runs, with "+" when the tree differs from it; "unknown" outside a checkout."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=_PROJECT, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()


def _own_cpu() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _busy() -> float | None:
    """CPU seconds that the whole machine has spent working since it started."""
    try:
        columns = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]
    except (OSError, IndexError):
        return None
    ticks = sum(int(value) for index, value in enumerate(columns) if index not in _IDLE)
    return ticks / float(os.sysconf("SC_CLK_TCK"))
