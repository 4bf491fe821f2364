"""What the benches share that fill a database with many rows and ask it in one process.

A stage for each kind of database, gone afterwards; the asking is done by a command of its own (`lab_…`), so that its
settings name the stage's database from the start. It prints one JSON line a finding.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qixia.lab.postgres import PostgreSQL
from qixia.lab.stage import Stage, stage

DATABASES = ("sqlite", "postgresql")
CHILD_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Options:
    """How many rows there are, and how often each thing is asked."""

    rows: int
    asked: int
    seed: int = 1


@contextlib.contextmanager
def staged(database: str) -> Iterator[Stage]:
    """An empty migrated database of this kind, with a folder of its own. PostgreSQL keeps its promise on disk."""
    with contextlib.ExitStack() as stack:
        if database == "postgresql":
            settings = {"shared_buffers": "256MB", "max_wal_size": "4GB"}
            server = stack.enter_context(PostgreSQL(fsync=True, settings=settings))
            url, folder = server.url, server.folder / "stage"
        else:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qixia-bench-")))
            url = f"sqlite:///{folder}/qixia.sqlite3"
        place = stack.enter_context(stage(url, folder))
        place.migrate()
        yield place


def found_by(command: str, place: Stage, options: Options) -> list[dict[str, Any]]:
    """What the command says; its stderr is ours. CalledProcessError when it fails."""
    words = ["-m", "qixia.site.cli", command, *map(str, (options.rows, options.asked, options.seed))]
    done = subprocess.run(
        [sys.executable, *words], env=place.environment, stdout=subprocess.PIPE, check=True, timeout=CHILD_SECONDS
    )
    return [json.loads(line) for line in done.stdout.splitlines()]
