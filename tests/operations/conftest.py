"""Databases and stages for tests of operations: of the kind that this run of the suite is about, and gone afterwards."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psycopg
import pytest

from qixia.kernel.config import get_config
from qixia.lab.stage import Stage, stage

MakeStage = Callable[[str], Stage]


@pytest.fixture(scope="module")
def make_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeStage]:
    """A stage with an empty database and folder of its own, by name."""
    suite, tmp_path = get_config().database, tmp_path_factory.mktemp("stages")
    with ExitStack() as stack:

        def make(name: str) -> Stage:
            folder = tmp_path / name
            folder.mkdir()
            if suite.startswith("sqlite"):
                return stack.enter_context(stage(f"sqlite:///{folder / 'qixia.sqlite3'}", folder))
            server, database = suite.rpartition("/")[0], f"qixia_{name}_{os.getpid()}"
            administer(server, f"CREATE DATABASE {database}")
            stack.callback(administer, server, f"DROP DATABASE {database} WITH (FORCE)")
            return stack.enter_context(stage(f"{server}/{database}", folder))

        yield make


def administer(server: str, statement: str) -> None:
    with psycopg.connect(f"{server}/postgres", autocommit=True) as db:
        db.execute(statement.encode())
