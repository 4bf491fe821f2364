"""`qixia bench intake`: how many reports a second are taken in and settled, and what one costs.

Stage    a PostgreSQL of its own (fsync on), `qixia serve` as in production, clients with real forms and photos.
Rounds   each measures the server, then pgbench with the same rows (lab/raw.py); ratio_to_raw is the median of rounds.
Keys     accepted_per_s    receipts a second while the clients post
         settled_per_s     reports of the round ÷ time from its start until the last one's points are committed
         settle_lag_*      from the commit of the report to the commit of its points, by PostgreSQL's commit times
         rows_per_report   rows inserted or updated from acceptance up to the points, as raw writes them
         sql_per_report    statements of the request with BEGIN and COMMIT, from PostgreSQL's log
         sql_per_settle    statements to take, settle and remove the job of one report alone; a batch shares them
         cpu_ms_per_report web server, worker and PostgreSQL; the copies of pictures are made in a process of their own
                           which lets all others go first: cpu_ms_pictures a report whose pictures were made
"""

from __future__ import annotations

import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from qixia.kernel import measure
from qixia.lab import raw
from qixia.lab.clients import CREATED, Phone, form, photos, request, unlike
from qixia.lab.postgres import PostgreSQL
from qixia.lab.stage import Cost, Program, Stage, cost, stage, tree

RIDERS = 128
SAMPLES = 7
WARM_REPORTS = 64
SETTLE_SECONDS = 120.0
# Commit times give the lag exactly; the log tells statements by connection.
SETTINGS = {"track_commit_timestamp": "on", "log_line_prefix": "%p|", "max_wal_size": "4GB"}
_LOGGED = re.compile(r"^(\d+)\|LOG:  (?:statement|execute [^:]*): (.*)$", re.MULTILINE)
_LAGS = """
SELECT extract(epoch FROM pg_xact_commit_timestamp(r.xmin) - pg_xact_commit_timestamp(p.xmin))::float8 * 1000,
       extract(epoch FROM pg_xact_commit_timestamp(r.xmin))::float8
FROM reports_report r JOIN reports_reportphoto p ON p.report_id = r.id WHERE r.public_id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Options:
    seconds: float = 10.0
    rounds: int = 3
    clients: int = 8
    seed: int = 1


@dataclass(slots=True)
class Round:
    """One round: what the clients saw, what the database says, what it cost."""

    accepted_per_s: float
    settled_per_s: float
    raw_per_s: float
    reports: int
    latencies: list[float]
    lags: list[float]
    errors: list[str]
    cost: Cost
    pictures: int = 0

    @property
    def ratio(self) -> float:
        return self.settled_per_s / self.raw_per_s


@dataclass
class Bench:
    """The running stage and what was found on it."""

    options: Options
    server: PostgreSQL
    stage: Stage
    riders: list[dict[str, Any]]
    served: Program
    rounds: list[Round] = field(default_factory=list)

    # What one report is

    def sample(self) -> tuple[list[raw.Write], float, float]:
        """The rows of one report, and the statements of request and settlement."""
        phone, pictures = Phone(self.stage.port), photos(self.options.seed, 2)
        for number in range(6 * SAMPLES):  # every thread of every process has its connection and its caches
            self._report(Phone(self.stage.port), pictures[0], number)
        raw.watch(self.server.url)
        samples = []
        for number in range(SAMPLES):
            self._report(phone, pictures[number % 2], 0)
            samples.append(raw.sample_of(self.server.url, ("reports_report", "rewards_posting")))
        raw.unwatch(self.server.url)
        statements = self._statements(phone, pictures)
        phone.close()
        return raw.usual(samples), *statements

    def _report(self, phone: Phone, picture: bytes, rider: int) -> str:
        """Send one and wait until it is settled."""
        key = f"sample-{time.monotonic_ns()}"
        body = form(key, unlike(picture, key.encode()), (24.8935, 118.5951))
        status, answer = phone.post(request(self.riders[rider % len(self.riders)]["session"], body))
        if status != CREATED:
            raise RuntimeError(f"a report was refused: {status} {answer}")
        wait_settled(self.server.url)
        return str(answer["public_id"])

    def _statements(self, phone: Phone, pictures: Sequence[bytes]) -> tuple[float, float]:
        log = self.server.folder / "log"
        with psycopg.connect(self.server.url, autocommit=True) as db:
            self._log(db, "all")
            requests, settles = [], []
            for number in range(SAMPLES):
                start = log.stat().st_size
                self._report(phone, pictures[number % 2], 0)
                time.sleep(0.1)
                with log.open(encoding="utf-8", errors="replace") as lines:
                    lines.seek(start)
                    found = _LOGGED.findall(lines.read())
                requests.append(_of_request(found))
                settles.append(_of_settle(found))
            self._log(db, "none")
        tell("statements of the request:\n    " + "\n    ".join(sql[:150] for sql in requests[-1]))
        tell("statements of the settlement:\n    " + "\n    ".join(sql[:150] for sql in settles[-1]))
        return statistics.median(map(len, requests)), statistics.median(map(len, settles))

    @staticmethod
    def _log(db: psycopg.Connection[Any], level: str) -> None:
        db.execute(f"ALTER SYSTEM SET log_statement = '{level}'")
        db.execute("SELECT pg_reload_conf()")
        time.sleep(0.5)

    # Rounds

    def play(self, script: Path, number: int) -> None:
        self.rounds.append(self._round(number))
        last = self.rounds[-1]
        with self._workers_at_rest():
            last.raw_per_s = raw.pgbench(
                self.server,
                script,
                clients=self.options.clients,
                seconds=self.options.seconds,
                seed=self.options.seed * 100 + number,
            )
        tell(
            f"round {number}: {last.reports} reports, settled {last.settled_per_s:.1f}/s, raw {last.raw_per_s:.1f}/s,"
            f" ratio {last.ratio:.4f}, lag p95 {percentile(last.lags, 95):.0f} ms, CPU s {last.cost},"
            f" errors {len(last.errors)}, pictures that wait {self.backlog()}"
        )
        for error in last.errors[:3]:
            tell(f"    {error}")

    @contextmanager
    def _workers_at_rest(self) -> Iterator[None]:
        """pgbench alone on the machine: the workers stand still, and the jobs that it wrote are nobody's to do."""
        newest = self._ask("SELECT COALESCE(max(id), 0) FROM jobs_job")
        workers = [pid for pid in tree(self.served.pid) if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
            with psycopg.connect(self.server.url, autocommit=True) as db:
                db.execute("DELETE FROM jobs_job WHERE id > %s", [newest])
        finally:
            for pid in workers:
                os.kill(pid, signal.SIGCONT)

    def _round(self, number: int) -> Round:
        made = self.pictures_made()
        before = cost(self.served, self.server.pid)
        seen, began, seconds = run_clients(self.stage, self.riders, self.options, number)
        wait_settled(self.server.url)
        spent = cost(self.served, self.server.pid) - before
        with psycopg.connect(self.server.url) as db:
            rows = db.execute(_LAGS, [seen["receipts"]]).fetchall()
        count = len(rows)
        return Round(
            accepted_per_s=len(seen["receipts"]) / seconds,
            settled_per_s=count / (max(settled for _lag, settled in rows) - began) if rows else 0.0,
            raw_per_s=0.0,
            reports=count,
            latencies=seen["latencies"],
            lags=[lag for lag, _settled in rows],
            errors=seen["errors"],
            cost=spent,
            pictures=self.pictures_made() - made,
        )

    def backlog(self) -> int:
        return int(self._ask("SELECT count(*) FROM jobs_job WHERE name = 'media.derive'"))

    def pictures_made(self) -> int:
        return int(self._ask("SELECT count(*) FROM media_evidence WHERE state = 'ready'"))

    def _ask(self, sql: str) -> Any:
        with psycopg.connect(self.server.url) as db:
            row = db.execute(sql).fetchone()  # type: ignore[arg-type]
        assert row is not None
        return row[0]


def run(options: Options, command: str) -> dict[str, Any]:
    """Measure; returns the JSON line's keys."""
    started = measure.start(command, seed=options.seed)
    with PostgreSQL(fsync=True, settings=SETTINGS) as server, stage(server.url, server.folder / "stage") as place:
        tell("migrations and town …")
        riders = place.prepare(riders=RIDERS)
        bench = Bench(options, server, place, riders, place.serve())
        tell("what one report is …")
        writes, sql_report, sql_settle = bench.sample()
        tell(f"rows of one report: {dict(Counter(('update ' if w.is_update else '') + w.table for w in writes))}")
        script = server.folder / "stage" / "raw.sql"
        script.write_text(raw.script(server.url, writes, _pools(server.url, riders)), encoding="utf-8")
        run_clients(place, riders, Options(options.seconds, 1, options.clients, 99), 0, reports=WARM_REPORTS)
        wait_settled(server.url)
        for number in range(1, options.rounds + 1):
            bench.play(script, number)
    found = _figures(bench.rounds) | {
        "rows_per_report": len(writes),
        "sql_per_report": sql_report,
        "sql_per_settle": sql_settle,
    }
    return started.finish() | found


def _figures(rounds: Sequence[Round]) -> dict[str, Any]:
    latencies = [1000 * second for one in rounds for second in one.latencies]
    lags = [lag for one in rounds for lag in one.lags]
    reports = sum(one.reports for one in rounds)
    pictures = sum(one.pictures for one in rounds)
    parts = {name: sum(getattr(one.cost, name) for one in rounds) for name in ("web", "worker", "database")}
    return {
        "accepted_per_s": round(statistics.median(one.accepted_per_s for one in rounds), 1),
        "settled_per_s": round(statistics.median(one.settled_per_s for one in rounds), 1),
        "settle_lag_p95_ms": round(percentile(lags, 95), 1),
        "raw_per_s": round(statistics.median(one.raw_per_s for one in rounds), 1),
        "ratio_to_raw": round(statistics.median(one.ratio for one in rounds), 4),
        "cpu_ms_per_report": round(1000 * sum(parts.values()) / max(1, reports), 2),
        "cpu_ms_parts": {name: round(1000 * value / max(1, reports), 2) for name, value in parts.items()},
        "cpu_ms_pictures": round(1000 * sum(one.cost.pictures for one in rounds) / pictures, 1) if pictures else None,
        "p50_ms": round(percentile(latencies, 50), 1),
        "p95_ms": round(percentile(latencies, 95), 1),
        "p99_ms": round(percentile(latencies, 99), 1),
        "errors": sum(len(one.errors) for one in rounds),
    }


def run_clients(
    place: Stage, riders: list[dict[str, Any]], options: Options, number: int, *, reports: int = 0
) -> tuple[dict[str, Any], float, float]:
    """What the clients saw, when they began (epoch), and for how long they posted."""
    words = ["-m", "qixia.lab.clients", "--port", str(place.port), "--clients", str(options.clients)]
    words += ["--seconds", str(options.seconds), "--reports", str(reports), "--seed", str(options.seed * 100 + number)]
    with subprocess.Popen(
        [sys.executable, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=place.environment
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(riders) + "\n")
        process.stdin.flush()
        if process.stdout.readline() != "ready\n":
            raise RuntimeError("the clients did not start")
        began, clock = time.time(), time.perf_counter()
        process.stdin.write("go\n")
        process.stdin.close()
        seen: dict[str, Any] = json.loads(process.stdout.read())
        return seen, began, time.perf_counter() - clock


def wait_settled(url: str) -> None:
    """Until no accepted report waits for the worker."""
    until = time.monotonic() + SETTLE_SECONDS
    with psycopg.connect(url, autocommit=True) as db:
        while db.execute("SELECT EXISTS (SELECT 1 FROM jobs_job WHERE name = 'reports.settle')").fetchone() != (False,):
            if time.monotonic() > until:
                raise RuntimeError("the worker does not settle")
            time.sleep(0.02)


def _pools(url: str, riders: Sequence[dict[str, Any]]) -> list[raw.Pool]:
    """The riders, and their accounts, which were opened together."""
    with psycopg.connect(url) as db:
        rows = db.execute("SELECT owner_ref, id FROM rewards_account WHERE kind = 'available' ORDER BY id")
        found: dict[str, int] = dict(rows.fetchall())
    person, accounts = [rider["person_id"] for rider in riders], [found[rider["ref"]] for rider in riders]
    for ids in (person, accounts):
        if max(ids) - min(ids) != len(riders) - 1:
            raise RuntimeError("the riders' rows do not lie side by side")
    return [
        raw.Pool("people_person", person[0], min(person), len(riders), riders[0]["ref"]),
        raw.Pool("rewards_account", accounts[0], min(accounts), len(riders)),
    ]


def _of_request(found: Sequence[tuple[str, str]]) -> list[str]:
    """The statements of the connection that took the report in."""
    pids = {pid for pid, sql in found if sql.startswith('INSERT INTO "reports_report"')}
    return [sql for pid, sql in found if pid in pids]


def _of_settle(found: Sequence[tuple[str, str]]) -> list[str]:
    """The statements from taking the job to the commit of its removal: the transactions that changed something."""
    pids = {pid for pid, sql in found if sql.startswith("UPDATE reports_report")}
    result: list[str] = []
    current: list[str] = []
    for pid, sql in found:
        if pid in pids:
            current.append(sql)
            if sql.startswith(("COMMIT", "ROLLBACK")):
                result += current if any(s.startswith(("UPDATE", "DELETE")) for s in current) else []
                current = []
    return result


def percentile(values: Sequence[float], share: int) -> float:
    """The value below which `share` percent lie; 0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * share // 100)] if ordered else 0.0


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
