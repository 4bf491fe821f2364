"""PostgreSQL: pg_dump of an exported snapshot, and a restore in one transaction.

Truth    dump, counts and names of pictures are read in the same snapshot; writers go on.
Restore  what is in the schema is dropped and loaded anew in one transaction: it fails as a whole, or not at all. The old
         data are gone afterwards, so make a backup first.
Needs    pg_dump, pg_restore and psql, at least as new as the server. The password goes through the environment.
Errors   Refused with the program's last words.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection

from qixia.site.backup.refusal import Refused
from qixia.site.backup.snapshot import Snapshot, count, look
from qixia.site.backup.sqlite import refuse_other_counts

ENGINE = "postgresql"
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
# Extensions stay: dropping and making them may need more rights than ours.
_EMPTY = """
DO $$
DECLARE word text;
BEGIN
  FOR word IN SELECT format('DROP TABLE IF EXISTS public.%I CASCADE', tablename) FROM pg_tables WHERE schemaname = 'public'
  LOOP EXECUTE word; END LOOP;
  FOR word IN SELECT format('DROP FUNCTION IF EXISTS %s CASCADE', p.oid::regprocedure) FROM pg_proc p
    JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = 'public' AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
  LOOP EXECUTE word; END LOOP;
END $$;
"""


@contextmanager
def snapshot(scratch: Path) -> Iterator[Snapshot]:
    path = scratch / "database"
    with _connect() as db:
        db.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        db.read_only = True
        name = next(iter(_ask(db, "SELECT pg_export_snapshot()")))[0]
        _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={name}", f"--file={path}")
        found = look(path, _tables(db), lambda sql: _ask(db, sql))
    yield found


def is_empty() -> bool:
    with _connect() as db:
        return not _tables(db)


class Restore:
    """Loads the database in one transaction: `load` commits, and there is no way back."""

    def __init__(self, _stamp: str) -> None:
        self.script: Path | None = None

    def landing(self, scratch: Path) -> Path:
        return scratch / "database"

    def load(self, part: Path, counts: dict[str, int]) -> None:
        """Only prepares: turns the dump into statements, which finds a dump that can't be read."""
        self.script = part.with_name("database.sql")
        _run("pg_restore", "--no-owner", "--no-privileges", f"--file={self.script}", str(part), connects=False)
        self.counts = counts

    def commit(self) -> str:
        assert self.script is not None
        connection.close()
        words = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction", f"--command={_EMPTY}"]
        _run("psql", *words, f"--file={self.script}")
        with _connect() as db:
            refuse_other_counts(self.counts, count(_tables(db), lambda sql: _ask(db, sql)))
        return ""

    def abandon(self) -> None:
        """Nothing is left: the scratch folder is removed by who made it."""


def _connect() -> psycopg.Connection[tuple[Any, ...]]:
    where = connection.settings_dict
    return psycopg.connect(
        dbname=where["NAME"], user=where["USER"], password=where["PASSWORD"], host=where["HOST"], port=where["PORT"]
    )


def _ask(db: psycopg.Connection[tuple[Any, ...]], sql: str) -> list[tuple[Any, ...]]:
    return db.execute(sql.encode()).fetchall()


def _tables(db: psycopg.Connection[tuple[Any, ...]]) -> list[str]:
    return [row[0] for row in _ask(db, _TABLES)]


def _run(name: str, *words: str, connects: bool = True) -> None:
    """A client program to its end."""
    where = connection.settings_dict
    known = {"PGHOST": where["HOST"], "PGPORT": where["PORT"], "PGUSER": where["USER"], "PGPASSWORD": where["PASSWORD"]}
    known["PGDATABASE"] = where["NAME"]
    environment = {**os.environ, **{key: str(value) for key, value in known.items() if value}} if connects else None
    done = subprocess.run(
        [program(name), *words], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Refused(f"{name} failed: {done.stderr.strip()[-1000:]}")


def program(name: str) -> str:
    """A client program, the newest that is installed."""
    found = list(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    if found:
        return str(max(found, key=lambda path: float(path.parts[-3])))
    on_path = shutil.which(name)
    if on_path is None:
        raise Refused(f"{name} is not installed. On Debian and Ubuntu: sudo apt-get install postgresql-client")
    return on_path
