"""What a snapshot of either database says about itself, and the statements that both understand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Ask = Callable[[str], Iterable[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment of the database: a file that holds it, and what was in it."""

    path: Path
    counts: dict[str, int]
    migrations: list[list[str]]
    pictures: frozenset[str]


def look(path: Path, tables: Iterable[str], ask: Ask) -> Snapshot:
    """Ask a snapshot for what the manifest says and for the names of its pictures."""
    return Snapshot(
        path=path,
        counts=count(tables, ask),
        migrations=[list(row) for row in ask("SELECT app, name FROM django_migrations ORDER BY id")],
        pictures=frozenset(row[0] for row in ask("SELECT storage_name FROM media_evidence")),
    )


def count(tables: Iterable[str], ask: Ask) -> dict[str, int]:
    return {table: next(iter(ask(f'SELECT count(*) FROM "{table}"')))[0] for table in sorted(tables)}
