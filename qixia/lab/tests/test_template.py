"""A migrated database is made once and copied; one with tables is never written over."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from qixia.lab.template import migrated


def ask(path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as db, db:
        return db.execute(statement).fetchall()


def test_the_second_stage_gets_a_copy_and_what_has_tables_keeps_them(tmp_path: Path) -> None:
    calls: list[str] = []

    def stage(name: str) -> Path:
        path = tmp_path / name

        def migrate() -> None:
            calls.append(name)
            ask(path, "PRAGMA journal_mode=WAL")
            ask(path, "CREATE TABLE IF NOT EXISTS thing (name TEXT)")

        migrated(f"sqlite:///{path}", tmp_path, migrate)
        return path

    first, second = stage("first"), stage("second")
    assert calls == ["first"]
    ask(second, "INSERT INTO thing VALUES ('kept')")
    stage("second")
    assert calls == ["first", "second"]
    assert ask(second, "SELECT name FROM thing") == [("kept",)]
    assert ask(first, "SELECT name FROM thing") == []


def test_a_migration_that_fails_leaves_no_template(tmp_path: Path) -> None:
    def fails() -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        migrated(f"sqlite:///{tmp_path / 'first'}", tmp_path, fails)
    assert not (tmp_path / "migrated.sqlite3").exists()
