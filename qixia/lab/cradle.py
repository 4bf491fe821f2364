"""Starts the real programs quickly: this process has loaded Django already and forks them, so that a harness or drill
which kills and starts dozens of programs doesn't spend its time on imports.

    python -m qixia.lab.cradle      # reads one JSON order a line, answers with the process id

A program is the leader of its own group and ends with this process; what it does from then on is its own `main`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from django.core.management import call_command

from qixia.kernel import faults
from qixia.kernel.config import get_config
from qixia.site import server, wsgi
from qixia.site.supervisor import die_with_parent


def web(port: int) -> None:
    words = ["--host", "127.0.0.1", "--port", str(port), "--processes", "1", "--threads", "4"]
    sys.argv = ["qixia.site.server", *words]
    server.main()


def worker(share: str) -> None:
    call_command("worker", share=share)


def crew(seed: int, at: str, log: str) -> None:
    from qixia.lab.crew import live  # noqa: PLC0415 — needs the set-up

    live(seed, at, log)


PROGRAMS: dict[str, Callable[..., None]] = {"web": web, "worker": worker, "crew": crew}


def main() -> None:
    assert wsgi.application  # loads Django, every app and the tree of addresses
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended
    for line in sys.stdin:
        order: dict[str, Any] = json.loads(line)
        pid = os.fork()
        if not pid:
            _become(order)
        print(pid, flush=True)


def _become(order: dict[str, Any]) -> None:
    code = 1
    try:
        os.setsid()
        die_with_parent()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream, target in ((0, os.open(os.devnull, os.O_RDONLY)), (1, log), (2, log)):
            os.dup2(target, stream)
        os.environ["QIXIA_LAB_KILL_AT"] = order["kill_at"]
        get_config.cache_clear()
        faults._armed.cache_clear()
        PROGRAMS[order["program"]](*order["words"])
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
