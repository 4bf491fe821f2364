"""The suite's own database: a copy of one that is migrated once a run, not once a worker.

Migrations cost twenty seconds of CPU, a copy a tenth of one. pytest-django then finds a database that is there, and
migrates it as ever, which does nothing. Whoever starts programs on a stage copies the same template (qixia/lab/stage.py).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from qixia.kernel.config import get_config
from qixia.lab.template import migrated

MIGRATE = [sys.executable, "-m", "qixia.site.cli", "migrate", "--no-input", "--verbosity", "0"]


@contextmanager
def prepared(database: dict[str, Any]) -> Iterator[None]:
    """The test database of these settings, migrated and without rows; gone afterwards."""
    here = _sqlite if database["ENGINE"].endswith("sqlite3") else _postgresql
    with here(database) as url:
        environment = {**os.environ, "QIXIA_DATABASE_URL": url}
        templates = Path(os.environ["QIXIA_TEST_TEMPLATES"])
        migrated(url, templates, lambda: subprocess.run(MIGRATE, env=environment, check=True))
        yield


@contextmanager
def _sqlite(database: dict[str, Any]) -> Iterator[str]:
    path = Path(database["TEST"]["NAME"]).absolute()
    _remove(path)
    try:
        yield f"sqlite:///{path}"
    finally:
        _remove(path)


def _remove(path: Path) -> None:
    for end in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + end).unlink(missing_ok=True)


@contextmanager
def _postgresql(database: dict[str, Any]) -> Iterator[str]:
    server, name = get_config().database.rpartition("/")[0], database["TEST"]["NAME"]
    _order(server, f'DROP DATABASE IF EXISTS "{name}"', f'CREATE DATABASE "{name}"')
    try:
        yield f"{server}/{name}"
    finally:
        _order(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _order(server: str, *statements: str) -> None:
    with psycopg.connect(f"{server}/postgres", autocommit=True) as db:
        for statement in statements:
            db.execute(statement.encode())
