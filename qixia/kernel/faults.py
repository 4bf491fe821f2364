"""Named moments at which the kill harness lets a process die, as a power cut would: no clean-up, no flush.

Armed only by the setting `lab_kill_at` ("name:n": at the n-th time this process comes by), never in production.
Otherwise a call costs one comparison.
"""

from __future__ import annotations

import os
import signal
import threading
from functools import lru_cache

from qixia.kernel.config import get_config


class _Countdown:
    """How often the armed moment may still pass. Threads of a web process share it."""

    def __init__(self, name: str, times: int) -> None:
        self.name = name
        self.left = times
        self.lock = threading.Lock()

    def pass_by(self) -> None:
        with self.lock:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


@lru_cache(maxsize=1)
def _armed() -> _Countdown | None:
    config = get_config()
    if not config.lab_kill_at or config.mode == "production":
        return None
    name, _, times = config.lab_kill_at.partition(":")
    return _Countdown(name, int(times or 1))


def kill_point(name: str) -> None:
    """A moment on the path of a report. Does nothing outside the kill harness."""
    armed = _armed()
    if armed is not None and armed.name == name:
        armed.pass_by()
