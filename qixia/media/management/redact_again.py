"""`qixia media redact-again`: copies from before faces and plates were looked for are made anew. Resumes after a kill."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from qixia.kernel import measure
from qixia.media import queries, services

HELP = "Make copies anew that are older than redaction; until then nobody sees them."


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--most", type=int, default=0, help="stop after so many photos (0: all)")


def run(options: dict[str, Any], say: Callable[[str], None]) -> None:
    running = measure.start("media redact-again")
    done, most = 0, options["most"]
    while not most or done < most:
        step = services.redact_again(min(50, most - done) if most else 50)
        if not step:
            break
        done += step
    say(json.dumps({"photos": done, "left": queries.older_than_redaction().count(), **running.finish()}))
