"""`qixia bench ledger`: how many postings a second the books take, next to the same rows written past them.

Scenarios  hot   eight clients award points to one account, each award a transaction of its own
           many  eight clients award to 10,000 accounts, 50 awards a transaction, as the settlement of reports does
Raw        hot: one posting with all its rows a transaction, by pgbench, prepared, eight clients, on one account;
           many: 50 postings with all their rows a transaction, by INSERT, eight processes (rawrows.py). So both sides make as
           many commits, on the same tables, through the same library. copy_per_s: the same rows by COPY.
Cover      the city's budget of the policy; its sixteen shared rows are left out of the raw writes.
Keys       lost: postings that a client was told of and that are not in the books, or books that are not sound;
           deadlocks: as PostgreSQL counts them; batch: awards a transaction.
The accounts belong to nobody, so no notice is written, neither here nor raw.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg

from qixia.kernel import measure
from qixia.lab import raw, rawrows
from qixia.lab.intake import Options, tell
from qixia.lab.postgres import DATABASE, PostgreSQL
from qixia.lab.stage import Stage, cpu_of, stage, tree
from qixia.site.supervisor import die_with_parent

BATCH = 50
# Sixteen rows that all awards share: ours choose one that nobody holds, raw writers of one row would only wait.
SHARED = {"rewards_slice", "rewards_budget"}
COPY = "qixia_raw"  # pgbench writes there: its rows are no true books


@dataclass(slots=True)
class Figures:
    """What the rounds gave, in their order: postings a second and CPU milliseconds a posting."""

    ours: list[float] = field(default_factory=list)
    raw: list[float] = field(default_factory=list)
    copied: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    raw_cpu: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    accounts: int
    batch: int


SCENARIOS = (Scenario("hot", 1, 1), Scenario("many", 10_000, BATCH))


def run(options: Options, command: str, scenario: Scenario) -> dict[str, Any]:
    """Measure one scenario on a PostgreSQL of its own; returns the JSON line's keys."""
    started = measure.start(command, seed=options.seed)
    with (
        PostgreSQL(fsync=True, settings={"max_wal_size": "4GB"}) as server,
        stage(server.url, server.folder / "stage") as place,
    ):
        place.prepare(riders=1)
        _post(place, "--accounts", str(scenario.accounts))
        script = server.folder / "stage" / "raw.sql"
        writes = [write for write in _sample(server, place) if write.table not in SHARED]
        script.write_text(raw.script(server.url, writes, _pools(server.url, scenario)), encoding="utf-8")
        _copy(server)
        found, lost = Figures(), 0
        for number in range(1, options.rounds + 1):
            before = _count(server.url)
            lost += _round(place, server, options, scenario, number, found) - (_count(server.url) - before)
            lost += not _is_sound(place)
            _raw(server, script, writes, options, scenario, number, found)
            tell(f"{scenario.name} {number}: {found.ours[-1]:.0f} postings/s, raw {found.raw[-1]:.0f}/s, lost {lost}")
        with psycopg.connect(server.url) as db:
            row = db.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").fetchone()
    return started.finish() | {
        "scenario": scenario.name,
        **_told(found),
        "lost": lost,
        "deadlocks": row[0] if row else None,
        "clients": options.clients,
        "accounts": scenario.accounts,
        "batch": scenario.batch,
        "rows_per_posting": len(writes),
    }


def _told(found: Figures) -> dict[str, Any]:
    ratios = [own / other for own, other in zip(found.ours, found.raw, strict=True)]
    said = {
        "postings_per_s": round(statistics.median(found.ours), 1),
        "raw_per_s": round(statistics.median(found.raw), 1),
        "ratio_to_raw": round(statistics.median(ratios), 4),
        "ratios": [round(one, 3) for one in ratios],
        "cpu_ms": round(statistics.median(found.cpu), 3),
    }
    for name, values in (("raw_cpu_ms", found.raw_cpu), ("copy_per_s", found.copied)):
        if values:
            said[name] = round(statistics.median(values), 3)
    return said


def _raw(
    server: PostgreSQL,
    script: Path,
    writes: list[raw.Write],
    options: Options,
    scenario: Scenario,
    number: int,
    found: Figures,
) -> None:
    """Postings a second without our code, as many to a commit, and what COPY makes of them."""
    if scenario.batch == 1:
        rate = raw.pgbench(server, script, seed=number, database=COPY, clients=options.clients, seconds=options.seconds)
        found.raw.append(rate)
        return
    pools = _pools(server.url, scenario)
    made = rawrows.plan(server.url, writes, pools, database=COPY, batch=scenario.batch, seconds=options.seconds)
    spent = _database_cpu(server)
    done, cpu = rawrows.work(made, clients=options.clients)
    found.raw.append(done / options.seconds)
    found.raw_cpu.append((cpu + _database_cpu(server) - spent) / max(done, 1) * 1000)
    done, _cpu = rawrows.work(replace(made, way="copy"), clients=options.clients)
    found.copied.append(done / options.seconds)


def _database_cpu(server: PostgreSQL) -> float:
    return cpu_of(server.pid) + sum(cpu_of(pid) for pid in tree(server.pid)[1:])


def _post_words(*words: str) -> list[str]:
    return ["-m", "qixia.site.cli", "lab_post", *words]


def _post(place: Stage, *words: str) -> None:
    place.run(*_post_words(*words))


def _sample(server: PostgreSQL, place: Stage) -> list[raw.Write]:
    """The rows of one award to an account that exists."""
    samples = []
    raw.watch(server.url)
    for number in range(3):
        with psycopg.connect(server.url, autocommit=True) as db:
            db.execute("TRUNCATE lab_seen")
        words = _post_words("--accounts", "1", "--seconds", "0.001", "--seed", str(-1 - number))
        subprocess.run(
            [sys.executable, *words],
            input="go\n",
            text=True,
            env=place.environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        samples.append(raw.sample_of(server.url, ("rewards_posting",)))
    raw.unwatch(server.url)
    return raw.usual(samples)


def _pools(url: str, scenario: Scenario) -> list[raw.Pool]:
    """The accounts, and their lots, which were opened together."""
    with psycopg.connect(url) as db:
        rows = db.execute(
            "SELECT l.id, a.owner_ref FROM rewards_lot l JOIN rewards_account a ON a.id = l.account_id"
            " WHERE a.owner_ref LIKE 'lab:%' ORDER BY l.id"
        ).fetchall()
    if rows[-1][0] - rows[0][0] != len(rows) - 1 or len(rows) != scenario.accounts:
        raise RuntimeError("the lots do not lie side by side")
    sample = next(pk for pk, ref in rows if ref == "lab:00000")
    return [_pool(url, scenario), raw.Pool("rewards_lot", sample, rows[0][0], len(rows))]


def _pool(url: str, scenario: Scenario) -> raw.Pool:
    """The accounts, which were opened together."""
    with psycopg.connect(url) as db:
        rows = db.execute(
            "SELECT id, owner_ref FROM rewards_account WHERE owner_ref LIKE 'lab:%' AND kind = 'available' ORDER BY id"
        ).fetchall()
    if rows[-1][0] - rows[0][0] != len(rows) - 1 or len(rows) != scenario.accounts:
        raise RuntimeError("the accounts do not lie side by side")
    sample = next(pk for pk, ref in rows if ref == "lab:00000")
    return raw.Pool("rewards_account", sample, rows[0][0], len(rows))


def _copy(server: PostgreSQL) -> None:
    with psycopg.connect(server.url_for("postgres"), autocommit=True) as db:
        db.execute(f"CREATE DATABASE {COPY} TEMPLATE {DATABASE}")


def _count(url: str) -> int:
    with psycopg.connect(url) as db:
        row = db.execute("SELECT count(*) FROM rewards_posting").fetchone()
    return int(row[0]) if row else 0


def _round(place: Stage, server: PostgreSQL, options: Options, scenario: Scenario, number: int, found: Figures) -> int:
    """How many postings the clients were told of, with those that warmed them."""
    words = _post_words("--accounts", str(scenario.accounts), "--batch", str(scenario.batch))
    words += ["--warm", "--seconds", str(options.seconds), "--seed"]
    clients = [
        subprocess.Popen(
            [sys.executable, *words, str((options.seed * 100 + number) * 100 + client)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=place.environment,
            preexec_fn=die_with_parent,
        )
        for client in range(options.clients)
    ]
    for client in clients:
        if client.stdout is None or client.stdout.readline() != "ready\n":
            raise RuntimeError("a client did not start")
    told, warmed, cpu, spent = 0, 0, 0.0, _database_cpu(server)
    for client in clients:
        assert client.stdin is not None
        client.stdin.write("go\n")
        client.stdin.close()
    for client in clients:
        assert client.stdout is not None
        said = json.loads(client.stdout.read())
        told, warmed, cpu = told + said["posted"], warmed + said["warmed"], cpu + said["cpu_s"]
        client.wait()
    found.ours.append(told / options.seconds)
    found.cpu.append((cpu + _database_cpu(server) - spent) / max(told, 1) * 1000)
    return told + warmed


def _is_sound(place: Stage) -> bool:
    """Whether `qixia rewards audit` proves the books."""
    return bool(json.loads(place.run("-m", "qixia.site.cli", "rewards", "audit"))["sound"])
