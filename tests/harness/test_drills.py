"""The drills in their small size: things break, nothing acknowledged is lost. Each runs on one of the two databases; the
full sizes are `qixia drill all`, with figures in docs/reliability.md."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from qixia.kernel.config import get_config
from qixia.lab.drills.outcome import Outcome
from qixia.lab.management.commands.drill import DRILLS, RIDERS
from qixia.lab.stage import Stage, stage

ON_SQLITE = ("uploads", "disk", "slow")
ON_POSTGRESQL = ("worker", "database", "signin", "loop")
HERE = ON_SQLITE if get_config().database.startswith("sqlite") else ON_POSTGRESQL


def test_every_drill_runs_somewhere() -> None:
    assert {*ON_SQLITE, *ON_POSTGRESQL} == set(DRILLS)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, list[dict[str, Any]]]]:
    """One town for all drills of this database."""
    folder: Path = tmp_path_factory.mktemp("drill")
    suite, name = get_config().database, f"qixia_drill_{os.getpid()}"
    server = suite.rpartition("/")[0]
    if suite.startswith("sqlite"):
        with stage(f"sqlite:///{folder}/drill.sqlite3", folder) as found:
            yield found, found.prepare(riders=RIDERS)
        return
    with psycopg.connect(f"{server}/postgres", autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name}")
        with stage(f"{server}/{name}", folder) as found:
            yield found, found.prepare(riders=RIDERS)
        db.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.slow
@pytest.mark.both
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", HERE)
def test_promises_hold(place: tuple[Stage, list[dict[str, Any]]], name: str) -> None:
    there, riders = place
    try:
        outcome = DRILLS[name](there, riders, "small")
    finally:
        there.close()
        there.programs.clear()
    assert outcome.broken == [], outcome.figures


def test_a_broken_promise_is_seen() -> None:
    outcome = Outcome("x", {})
    outcome.promise(True, "holds")
    outcome.promise(False, "broken")
    assert outcome.broken == ["broken"]
