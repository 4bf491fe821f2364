"""The web server: granian in WSGI mode with threads (measured against gunicorn and ASGI in docs/adr).

Started by the supervisor as `python -m qixia.site.server`. Its processes end when their parent does, and log as we do.
"""

import argparse
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from granian import Granian
from granian.constants import Interfaces

from qixia.kernel.config import get_config
from qixia.site.logs import logging_config
from qixia.site.ops.folder import measure_into
from qixia.site.supervisor import die_with_parent

BACKLOG = 1024
KILL_SECONDS = 10


def load(target: str) -> Callable[..., Any]:
    """In each web process, after the fork: make it end with its parent, then load Django (the parent never does)."""
    die_with_parent()
    module, _, name = target.partition(":")
    application: Callable[..., Any] = getattr(import_module(module), name)
    return application


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m qixia.site.server")
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--processes", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--key", type=Path)
    options = parser.parse_args()
    measure_into(get_config().var_dir / "metrics" / str(options.port))
    Granian(
        "qixia.site.wsgi:application",
        address=options.host,
        port=options.port,
        interface=Interfaces.WSGI,
        workers=options.processes,
        blocking_threads=options.threads,
        websockets=False,
        backlog=BACKLOG,
        log_dictconfig=logging_config("WARNING"),
        respawn_failed_workers=True,
        workers_kill_timeout=KILL_SECONDS,
        ssl_cert=options.certificate,
        ssl_key=options.key,
    ).serve(target_loader=load)


if __name__ == "__main__":
    main()
