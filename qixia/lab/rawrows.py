"""What the same rows cost PostgreSQL and psycopg alone, many to a commit: the counterpart of a batch of awards.

Rows     those that one award was seen to write (raw.py), with the same values and so the same sizes; only keys, accounts and
         references differ. As many to a commit as ours, the same tables with all their indexes, checks and triggers.
Way      "insert": one prepared INSERT of many rows a table, which is what anybody writes first; "copy": COPY with ids drawn
         before, the cheapest that PostgreSQL has, and what ours uses too. One prepared UPDATE a table for what changes. No
         read, no lock, no hash, no seal; rows are text that is nearly ready beforehand.
Apart    each writer has accounts of its own, so none waits for another: ours share them all, and of eight batches of 50
         among 10,000 accounts nearly every one meets another. That is to the raw side's advantage; writers that shared
         accounts without locking them in order first, as ours do, would end in deadlocks.
"""

from __future__ import annotations

import json
import random
import secrets
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import psycopg

from qixia.lab import raw
from qixia.site.supervisor import die_with_parent


@dataclass(frozen=True, slots=True)
class Insert:
    """One table's rows: `rows` a posting, each a list of [kind, value]: kind "" plain, "key" new, "posting" its id, "pool"
    the account's, "ref" its owner."""

    table: str
    columns: list[str]
    rows: list[list[list[Any]]]


@dataclass(frozen=True, slots=True)
class Update:
    """Numbers that move in one row of a pool."""

    table: str
    first: int
    moves: dict[str, int]


@dataclass(frozen=True, slots=True)
class Plan:
    url: str
    inserts: list[Insert]
    updates: list[Update]
    accounts: int
    batch: int
    seconds: float
    way: str = "insert"


def plan(
    url: str, writes: Sequence[raw.Write], pools: Sequence[raw.Pool], *, database: str, batch: int, seconds: float
) -> Plan:
    """What to write, from the rows of one award. `pools`: the accounts first."""
    with psycopg.connect(url, autocommit=True) as db:
        script = raw.Script(db, pools)
        posting = next(write.new["id"] for write in writes if write.table == "rewards_posting")
        tables = list(dict.fromkeys(write.table for write in writes if not write.is_update))
        inserts = []
        for table in tables:
            rows = [write for write in writes if write.table == table and not write.is_update]
            own = {name for name, _kind, is_identity in script._columns(table) if is_identity}
            columns = [name for name in rows[0].new if name not in own]
            inserts.append(Insert(table, columns, [_row(script, write, columns, posting, pools[0]) for write in rows]))
    updates = []
    for write in writes:
        if write.is_update:
            pool = next(one for one in pools if one.table == write.table)
            moved = [name for name in write.new if write.new[name] != write.old.get(name)]
            moves = {name: write.new[name] - write.old[name] for name in moved}
            updates.append(Update(write.table, pool.first, moves))
    address = url.rsplit("/", 1)[0] + "/" + database
    return Plan(address, inserts, updates, pools[0].count, batch, seconds)


def _row(
    script: raw.Script, write: raw.Write, columns: Sequence[str], posting: int, accounts: raw.Pool
) -> list[list[Any]]:
    targets, fresh = dict(script._foreign(write.table)), script._fresh(write.table)
    values: list[list[Any]] = []
    for name in columns:
        value = write.new[name]
        if name in fresh and value is not None:
            values.append(["key", len(value)])
        elif targets.get(name) == "rewards_posting" and value == posting:
            values.append(["posting", None])
        elif targets.get(name) == accounts.table and value == accounts.sample:
            values.append(["pool", accounts.first])
        elif value == "lab:00000":
            values.append(["ref", None])
        else:
            plain = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
            values.append(["", str(plain).lower() if isinstance(plain, bool) else plain])
    return values


def work(made: Plan, *, clients: int) -> tuple[int, float]:
    """How many postings `clients` writers of this plan make together in its time, and the CPU seconds that takes them."""
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "qixia.lab.rawrows", str(client), str(clients)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent,
        )
        for client in range(clients)
    ]
    for one in running:
        assert one.stdin is not None
        assert one.stdout is not None
        one.stdin.write(json.dumps(asdict(made)) + "\n")
        one.stdin.flush()
        if one.stdout.readline() != "ready\n":
            raise RuntimeError("a raw writer did not start")
    for one in running:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.close()
    done, cpu = 0, 0.0
    for one in running:
        assert one.stdout is not None
        told = json.loads(one.stdout.read())
        done, cpu = done + told["posted"], cpu + told["cpu_s"]
        one.wait()
    return done, cpu


def _write(db: psycopg.Connection[Any], made: dict[str, Any], chance: random.Random, mine: range) -> None:
    """One commit: the rows of `batch` postings."""
    batch = made["batch"]
    numbers = [chance.choice(mine) for _ in range(batch)]
    ids: Sequence[int] = _drawn(db, batch) if made["way"] == "copy" else [0] * batch
    for insert in made["inserts"]:
        rows = [
            [_value(kind, value, pk, number) for kind, value in row]
            for pk, number in zip(ids, numbers, strict=True)
            for row in insert["rows"]
        ]
        is_posting = insert["table"] == "rewards_posting"
        if made["way"] == "copy":
            _copy(db, insert, rows, ids if is_posting else None)
        else:
            found = _insert(db, insert, rows, returning=is_posting)
            ids = found if is_posting else ids
    for update in made["updates"]:
        times: dict[int, int] = {}
        for number in numbers:
            times[update["first"] + number] = times.get(update["first"] + number, 0) + 1
        sets = ", ".join(f'"{name}" = t."{name}" + v.n * {by}' for name, by in update["moves"].items())
        sql = f"UPDATE {update['table']} t SET {sets} FROM unnest(%s::bigint[], %s::bigint[]) AS v(pk, n) WHERE t.id = v.pk"
        db.execute(sql, [list(times), list(times.values())], prepare=True)
    db.commit()


def _drawn(db: psycopg.Connection[Any], count: int) -> list[int]:
    sql = "SELECT nextval(pg_get_serial_sequence('rewards_posting', 'id')) FROM generate_series(1, %s)"
    return [row[0] for row in db.execute(sql, [count], prepare=True)]


def _copy(
    db: psycopg.Connection[Any], insert: dict[str, Any], rows: Sequence[list[Any]], ids: Sequence[int] | None
) -> None:
    columns = ", ".join(f'"{name}"' for name in (["id"] if ids else []) + insert["columns"])
    with db.cursor() as cursor, cursor.copy(f"COPY {insert['table']} ({columns}) FROM STDIN") as target:
        for n, row in enumerate(rows):
            target.write_row([ids[n], *row] if ids else row)


def _insert(
    db: psycopg.Connection[Any], insert: dict[str, Any], rows: Sequence[list[Any]], *, returning: bool
) -> list[int]:
    columns = ", ".join(f'"{name}"' for name in insert["columns"])
    one = f"({', '.join(['%s'] * len(insert['columns']))})"
    sql = f"INSERT INTO {insert['table']} ({columns}) VALUES {', '.join([one] * len(rows))}"
    done = db.execute(sql + (" RETURNING id" if returning else ""), [v for row in rows for v in row], prepare=True)
    return [row[0] for row in done] if returning else []


def _value(kind: str, value: Any, posting: int, number: int) -> Any:
    if not kind:
        return value
    if kind == "key":
        return secrets.token_hex(value)[:value]
    return {"posting": posting, "pool": (value or 0) + number, "ref": f"lab:{number:05d}"}[kind]


def main(client: int, clients: int) -> None:
    made = json.loads(sys.stdin.readline())
    mine = range(made["accounts"]) if made["accounts"] < clients else range(client, made["accounts"], clients)
    chance, done = random.Random(secrets.randbits(64)), 0
    with psycopg.connect(made["url"]) as db:
        print("ready", flush=True)
        sys.stdin.readline()  # "go"
        until, spent = time.perf_counter() + made["seconds"], time.process_time()
        while time.perf_counter() < until:
            _write(db, made, chance, mine)
            done += made["batch"]
    print(json.dumps({"posted": done, "cpu_s": time.process_time() - spent}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
