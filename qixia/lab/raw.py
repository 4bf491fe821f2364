"""What the same rows cost PostgreSQL alone: a pgbench script made from the rows that the real code was seen to write.

How      row triggers note every INSERT and UPDATE of a sample with its transaction; the notes of the transactions that
         did the work become one script with one transaction: every inserted row is inserted, every updated row is
         updated in the columns that changed, with the same values and so the same sizes.
Keys     columns under a unique index get new random values; foreign keys follow the rows of the script; a rider's own
         rows go to a random rider. So the script can't drift from the code, and eight clients don't wait for one row.
Left out what only the queue needs: taking and deleting jobs, heartbeats. (The rows of jobs are inserted.)
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from qixia.lab.postgres import DATABASE, PostgreSQL

_WATCH = """
CREATE TABLE lab_seen (seq bigserial PRIMARY KEY, tab text, op text, xid text, old jsonb, new jsonb);
CREATE FUNCTION lab_see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO lab_seen (tab, op, xid, old, new) VALUES (TG_TABLE_NAME, TG_OP, pg_current_xact_id()::text,
    CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(OLD) END, to_jsonb(NEW));
  RETURN NULL;
END $$;
CREATE SEQUENCE lab_key CACHE 1000;
"""
_TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind = 'r' AND c.relname NOT LIKE 'django%' AND c.relname <> 'lab_seen'
  AND c.relname NOT IN ('jobs_worker', 'jobs_schedule')
"""
_COLUMNS = """
SELECT a.attname, t.typname, a.attidentity <> '' FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_UNIQUE = """
SELECT (SELECT array_agg(a.attname::text ORDER BY k.n) FROM unnest(i.indkey::int[]) WITH ORDINALITY k(attnum, n)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum)
FROM pg_index i WHERE i.indrelid = %s::regclass AND i.indisunique
"""
_FOREIGN = """
SELECT a.attname, c.confrelid::regclass::text FROM pg_constraint c
JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
WHERE c.conrelid = %s::regclass AND c.contype = 'f'
"""
_TPS = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Write:
    """One row that was written."""

    table: str
    is_update: bool
    old: dict[str, Any]
    new: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pool:
    """Existing rows that a script chooses from at random: ids `first` … `first + count - 1`, instead of `sample`."""

    table: str
    sample: int
    first: int
    count: int
    text: str = ""  # a reference that stands for the sample in text columns


def watch(url: str) -> None:
    """Begin to note what is written."""
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(_WATCH)
        for (table,) in db.execute(_TABLES).fetchall():
            db.execute(
                f'CREATE TRIGGER lab_see AFTER INSERT OR UPDATE ON "{table}" FOR EACH ROW EXECUTE FUNCTION lab_see()'
            )


def unwatch(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("DROP FUNCTION lab_see() CASCADE; DROP TABLE lab_seen")


def sample_of(url: str, marks: Collection[str]) -> list[Write]:
    """What was noted of the transactions that inserted into one of `marks`; forgets all notes."""
    with psycopg.connect(url, autocommit=True) as db:
        rows = db.execute(
            "SELECT tab, op, old, new FROM lab_seen WHERE xid IN"
            " (SELECT xid FROM lab_seen WHERE op = 'INSERT' AND tab = ANY(%s)) ORDER BY seq",
            [list(marks)],
        ).fetchall()
        db.execute("TRUNCATE lab_seen")
    return [Write(table, op == "UPDATE", old or {}, new) for table, op, old, new in rows]


def usual(samples: Sequence[list[Write]]) -> list[Write]:
    """A sample of the shape that most have."""
    shapes = [tuple(sorted((write.table, write.is_update) for write in sample)) for sample in samples]
    most, _times = Counter(shapes).most_common(1)[0]
    return samples[shapes.index(most)]


@dataclass
class Script:
    """Builds the text of the pgbench script."""

    db: psycopg.Connection[Any]
    pools: Sequence[Pool]
    ids: dict[tuple[str, int], str] = field(default_factory=dict)  # written rows → variable

    def text(self, writes: Sequence[Write]) -> str:
        for number, write in enumerate(writes):
            if not write.is_update and "id" in write.new:
                self.ids[write.table, write.new["id"]] = f"id_{number}"
        lines = [f"\\set pool_{n} random({p.first}, {p.first + p.count - 1})" for n, p in enumerate(self.pools)]
        body = [self._statement(group, writes) for group in self._groups(writes)]
        return "\n".join([*lines, "BEGIN;", *body, "COMMIT;", ""])

    def _groups(self, writes: Sequence[Write]) -> list[list[Write]]:
        """Neighbours in one table make one INSERT, unless their ids are asked for."""
        groups: list[list[Write]] = []
        for write in writes:
            last = groups[-1][0] if groups else None
            alike = last is not None and (last.table, last.is_update) == (write.table, False) and not write.is_update
            if alike and not self._is_wanted(write, writes) and not self._is_wanted(groups[-1][0], writes):
                groups[-1].append(write)
            else:
                groups.append([write])
        return groups

    def _is_wanted(self, write: Write, writes: Sequence[Write]) -> bool:
        return (write.table, write.new.get("id", -1)) in self.ids and any(self._refers(o, write) for o in writes)

    def _statement(self, group: Sequence[Write], writes: Sequence[Write]) -> str:
        first = group[0]
        if first.is_update:
            return self._update(first)
        own = {name for name, _type, is_identity in self._columns(first.table) if is_identity}
        names = [name for name in first.new if name not in own]
        rows = ", ".join(f"({', '.join(self._values(write, names))})" for write in group)
        columns = ", ".join(f'"{name}"' for name in names)
        sql = f"INSERT INTO {first.table} ({columns}) VALUES {rows}"
        if self._is_wanted(first, writes):
            return f"{sql} RETURNING id AS {self.ids[first.table, first.new['id']]} \\gset"
        return f"{sql};"

    def _values(self, write: Write, names: Sequence[str]) -> list[str]:
        kinds = {name: kind for name, kind, _ in self._columns(write.table)}
        unique = self._fresh(write.table)
        return [
            _fresh(write.new[name])
            if name in unique and write.new[name] is not None
            else self._value(write, name, kinds[name])
            for name in names
        ]

    def _update(self, write: Write) -> str:
        kinds = {name: kind for name, kind, _ in self._columns(write.table)}
        changed = [name for name in write.new if write.new[name] != write.old.get(name)]
        sets = ", ".join(f'"{name}" = {self._value(write, name, kinds[name])}' for name in changed)
        return f"UPDATE {write.table} SET {sets} WHERE id = {self._row(write.table, write.new['id'])};"

    def _refers(self, other: Write, write: Write) -> bool:
        pk = write.new["id"]
        if other.is_update and (other.table, other.new["id"]) == (write.table, pk):
            return True
        return any(target == write.table and other.new.get(name) == pk for name, target in self._foreign(other.table))

    def _value(self, write: Write, name: str, kind: str) -> str:
        value = write.new[name]
        target = dict(self._foreign(write.table)).get(name)
        if target is not None and value is not None:
            return self._row(target, value)
        for number, pool in enumerate(self.pools):
            if pool.text and value == pool.text:
                return f"{_literal(value[:7])} || lpad(:pool_{number}, {len(value) - 7}, '0')"
        return _literal(
            json.dumps(value, ensure_ascii=False) if kind in ("jsonb", "json") and value is not None else value
        )

    def _row(self, table: str, pk: int) -> str:
        for number, pool in enumerate(self.pools):
            if (pool.table, pool.sample) == (table, pk):
                return f":pool_{number}"
        variable = self.ids.get((table, pk))
        return f":{variable}" if variable else str(pk)

    def _columns(self, table: str) -> list[tuple[str, str, bool]]:
        return self.db.execute(_COLUMNS, [table]).fetchall()

    def _foreign(self, table: str) -> list[tuple[str, str]]:
        return self.db.execute(_FOREIGN, [table]).fetchall()

    def _fresh(self, table: str) -> set[str]:
        """The text columns that make a row unique: one of each unique index."""
        kinds = {name: kind for name, kind, _ in self._columns(table)}
        found: set[str] = set()
        for (names,) in self.db.execute(_UNIQUE, [table]).fetchall():
            found.update([name for name in names or [] if kinds[name] in ("varchar", "text")][-1:])
        return found


def _fresh(value: str) -> str:
    """A new value of the same length."""
    if len(value) < 20:  # the number that people read out
        return f"'r' || lpad(nextval('lab_key')::text, {len(value) - 1}, '0')"
    return f"lpad(md5(nextval('lab_key')::text), {len(value)}, 'x')"


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    # pgbench takes ":word" for a variable, also inside a literal.
    text = str(value).replace("\\", "\\\\").replace("'", "''").replace(":", "\\x3a").replace("\n", "\\n")
    return f"E'{text}'"


def script(url: str, writes: Sequence[Write], pools: Sequence[Pool]) -> str:
    with psycopg.connect(url, autocommit=True) as db:
        return Script(db, pools).text(writes)


def pgbench(
    server: PostgreSQL, path: Path, *, clients: int, seconds: float, seed: int, database: str = DATABASE
) -> float:
    """Transactions a second of the script."""
    words = ["-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(max(1, round(seconds)))]
    words += ["-f", str(path), "--random-seed", str(seed), "-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres"]
    done = subprocess.run([server.program("pgbench"), *words, database], capture_output=True, text=True, check=False)
    found = _TPS.search(done.stdout)
    if done.returncode or found is None:
        raise RuntimeError(f"pgbench: {done.stderr[-2000:]}{done.stdout[-500:]}")
    return float(found.group(1))
