"""SQLite: a snapshot through the backup API while others write, and a restore by exchanging the file.

Truth    the backup API copies one read transaction; writers go on (WAL). The copy is checked before it is used.
Restore  the old database keeps its data under `<name>.replaced-<time>`, with its write-ahead log.
Errors   Refused for a copy that is not sound; sqlite3.Error and OSError as they come.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from django.db import connection

from qixia.site.backup.refusal import Refused
from qixia.site.backup.snapshot import Snapshot, count, look

ENGINE = "sqlite"
_BESIDE = ("", "-wal", "-shm")
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"


def database_file() -> Path:
    return Path(connection.settings_dict["NAME"])


@contextmanager
def snapshot(scratch: Path) -> Iterator[Snapshot]:
    path = scratch / "database"
    with closing(_open(database_file())) as source, closing(sqlite3.connect(path)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")  # one file, complete without a log beside it
        _refuse_unsound(target)
        found = look(path, _tables(target), lambda sql: target.execute(sql))
    yield found


def is_empty() -> bool:
    path = database_file()
    if not path.exists():
        return True
    with closing(_open(path)) as db:
        return not _tables(db)


class Restore:
    """Takes the place of the database in two steps, so that files can follow: `load`, then `commit`."""

    def __init__(self, stamp: str) -> None:
        self.target = database_file()
        self.incoming = self.target.with_name(f"{self.target.name}.restoring-{stamp}")
        self.replaced = self.target.with_name(f"{self.target.name}.replaced-{stamp}")

    def landing(self, _scratch: Path) -> Path:
        """Where the archive's database is to be written: beside the old one, so that a rename is enough."""
        return self.incoming

    def load(self, _part: Path, counts: dict[str, int]) -> None:
        with closing(_open(self.incoming)) as db:
            _refuse_unsound(db)
            refuse_other_counts(counts, count(_tables(db), lambda sql: db.execute(sql)))

    def commit(self) -> str:
        """Exchange the files; what was there before keeps its data under another name, which is returned."""
        connection.close()
        moved = []
        for end in _BESIDE:  # the log belongs to the old database and must not meet the new one
            old = Path(f"{self.target}{end}")
            if old.exists():
                old.rename(f"{self.replaced}{end}")
                moved.append(end)
        try:
            self.incoming.rename(self.target)
        except OSError:
            for end in moved:
                Path(f"{self.replaced}{end}").rename(f"{self.target}{end}")
            raise
        return str(self.replaced) if moved else ""

    def abandon(self) -> None:
        for end in (*_BESIDE, "-journal"):
            Path(f"{self.incoming}{end}").unlink(missing_ok=True)


def refuse_other_counts(wanted: dict[str, int], found: dict[str, int]) -> None:
    if wanted != found:
        tables = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
        raise Refused(f"After loading, these tables hold another number of rows than before: {', '.join(tables)}")


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=20)


def _tables(db: sqlite3.Connection) -> list[str]:
    return [row[0] for row in db.execute(_TABLES)]


def _refuse_unsound(db: sqlite3.Connection) -> None:
    answer = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if answer != "ok":
        raise Refused(f"The copy of the database is not sound: {answer}")
