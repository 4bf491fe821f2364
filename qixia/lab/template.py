"""A migrated database made once a test run, and copied to every stage that wants an empty one with all tables.

Migrations take ten seconds of CPU each time; a copy takes a tenth of one.

Truth    one template for each kind of database, by name: SQLite's is a file beside others of the run, PostgreSQL's is a
         database on the stage's own server. Neither holds rows but those that the migrations write themselves.
Life     as long as the run's folder and its server. A copy that fails half-way leaves no template behind.
"""

from __future__ import annotations

import fcntl
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg


def migrated(url: str, folder: Path, migrate: Callable[[], object]) -> None:
    """Give the database at `url` its tables: by `migrate`, the first time in `folder`; then as a copy.

    One that has tables is only migrated, as ever.
    """
    with _alone(folder / "migrated.lock"):
        if url.startswith("sqlite"):
            _sqlite(_path_of(url), folder / "migrated.sqlite3", migrate)
        else:
            _postgresql(url, f"qixia_migrated_{sha256(str(folder).encode()).hexdigest()[:12]}", migrate)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _path_of(url: str) -> Path:
    path = unquote(urlsplit(url).path)
    return Path(path[1:] if path.startswith("//") else path)


def _sqlite(database: Path, template: Path, migrate: Callable[[], object]) -> None:
    if database.exists() and database.stat().st_size:
        migrate()
        return
    if template.exists():
        shutil.copyfile(template, database)
        return
    migrate()
    half = template.with_suffix(".half")
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(half)) as copy:
        source.backup(copy)  # with what still stands in the write-ahead log
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, so that it can be copied as one
    half.rename(template)


def _postgresql(url: str, template: str, migrate: Callable[[], object]) -> None:
    server, _, database = url.rpartition("/")
    with psycopg.connect(url) as own:
        is_empty = own.execute("SELECT 1 FROM pg_tables WHERE schemaname = 'public'").fetchone() is None
    if not is_empty:
        migrate()
        return
    with psycopg.connect(f"{server}/postgres", autocommit=True) as db:
        if db.execute("SELECT 1 FROM pg_database WHERE datname = %s", [template]).fetchone():
            db.execute(f'DROP DATABASE "{database}"'.encode())
            db.execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}"'.encode())
            return
        migrate()
        db.execute(f'CREATE DATABASE "{template}" TEMPLATE "{database}"'.encode())
