"""`qixia bench desk`: what the staff's pages cost among a million reports, next to the same pages among ten thousand.

Stage    a database of its own, SQLite and then PostgreSQL, with all migrations; gone afterwards. Rows: lab/crowd.py.
Asked    whole pages by Django's test client in one warm process: middleware, queries, templates; no web server.
Who      a supervisor of the district asks for all; an administrator, the clerk of one community and a worker of the
         busiest unit for the first few.
Keys     page_p50_ms, page_p95_ms   the whole page; db_p50_ms, db_p95_ms the part that waited for statements
         statements                 of one page
         slowest_ms, slowest        its slowest statement, usual time
         ratio                      page_p50_ms ÷ the same among a hundredth of the rows, in the same run
No time fails it; what a statement over SLOW_MS does is explained on stderr.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np
from django.db import connection
from django.test import Client

from qixia.kernel import clock, measure
from qixia.kernel.ids import check_digit
from qixia.lab.asking import DATABASES, Options, found_by, staged
from qixia.lab.crowd import OPEN_SHARE, Crowd
from qixia.lab.town import build
from qixia.people.models import Person
from qixia.people.sessions import BACKEND
from qixia.reports.queries.figures import forget_figures

ROWS = 1_000_000
SMALL = 100  # times smaller
ASKED = 12
SLOW_MS = 200.0
# What everybody asks for; the supervisor also for the rest.
COMMON = {
    "queue": "/desk/queue?all=1",
    "over": "/desk/queue?over=1",
    "thrice": "/desk/queue?over=3",
    "all": "/desk/all",
    "ended": "/desk/all?group=ended",
    "words": "/desk/all?q=云帆37路",
    "figures": "/desk/figures/",
}
MORE = {
    "second page": "next",
    "soon": "/desk/queue?soon=1",
    "answer": "/desk/queue?answer=1",
    "watched": "/desk/queue?watched=1",
    "severity": "/desk/queue?severity=critical",
    "class": "/desk/queue?cls=manhole",
    "state": "/desk/queue?state=dispatched",
    "unit": "/desk/queue?unit={unit}",
    "street": "/desk/queue?area=990102101",
    "community": "/desk/queue?area=990102101001",
    "words of the queue": "/desk/queue?q=云帆37路",
    "group": "/desk/queue?group=clerk",
    "open": "/desk/all?group=open",
    "rare words": "/desk/all?q=没有这样的地方",
    "number": "/desk/all?q={number}",
    "ended of a unit": "/desk/all?group=ended&unit={unit}",
    "ended, critical": "/desk/all?group=ended&severity=critical",
    "ended in a community": "/desk/all?group=ended&area=990102101001",
    "checks": "/desk/checks",
    "returned": "/desk/returned",
    "supervision": "/desk/supervision/",
    "appeals": "/desk/appeals/",
    "open figures": "/open/figures/",
}
COLUMNS = ("page_p50_ms", "page_p95_ms", "db_p50_ms", "db_p95_ms", "statements", "slowest_ms", "slowest")


def run(command: str, options: Options, databases: Sequence[str] = DATABASES) -> Iterator[dict[str, Any]]:
    """A line a page, reader and database."""
    for database in databases:
        running = measure.start(command, seed=options.seed)
        with staged(database) as place:
            place.run("-m", "qixia.site.cli", "collectstatic", "--no-input", "--verbosity", "0")
            lines = found_by("lab_desk", place, options)
        common = running.finish()
        yield from ({**common, "database": database, **line} for line in lines)


# ── in the child, with the stage's database ──────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Watcher:
    """Sees each statement of a page; an execute wrapper."""

    spent: list[tuple[float, str, Any]] = field(default_factory=list)

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.spent.append(((time.perf_counter() - began) * 1000, sql, params))


def measured(options: Options) -> Iterator[dict[str, Any]]:
    """Fill the town twice and ask for every page each time; all keys but the common ones."""
    build(0)
    crowd = Crowd.of_town(clock.now(), options.seed)
    began = time.perf_counter()
    crowd.first(options.rows // SMALL)
    few = _asked(crowd, max(options.asked // 3, 1), explain=False)
    crowd.copy(SMALL - 1)
    crowd.add_open(int(options.rows * OPEN_SHARE) - crowd.open)
    _tidy()
    filled = round(time.perf_counter() - began, 1)
    tell(f"{connection.vendor}: {crowd.rows} rows, {crowd.open} of them open, after {filled} s")
    for key, found in _asked(crowd, options.asked, explain=True).items():
        ratio = round(found["page_p50_ms"] / few[key]["page_p50_ms"], 2)
        yield {"rows": crowd.rows, "open": crowd.open, "reader": key[0], "page": key[1], "ratio": ratio, **found}


def _tidy() -> None:
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def _asked(crowd: Crowd, times: int, *, explain: bool) -> dict[tuple[str, str], dict[str, Any]]:
    known = {"unit": _unit_code(crowd), "number": _number()}
    found = {}
    for reader, pk in crowd.staff.items():
        client = Client()
        client.force_login(Person.objects.get(pk=pk), backend=BACKEND)
        for name, address in {**COMMON, **(MORE if reader == "supervisor" else {})}.items():
            path = _second_page(client) if address == "next" else address.format(**known)
            found[reader, name] = _page(client, path, times, explain=explain)
    return found


def _page(client: Client, path: str, times: int, *, explain: bool) -> dict[str, Any]:
    _get(client, path)  # warm
    pages, waits, statements = [], [], []
    for _number in range(times):
        watcher = Watcher()
        began = time.perf_counter()
        with connection.execute_wrapper(watcher):
            _get(client, path)
        pages.append((time.perf_counter() - began) * 1000)
        waits.append(sum(spent for spent, _sql, _params in watcher.spent))
        statements.append(watcher.spent)
    usual, sql, params = _slowest(statements)
    if explain and usual > SLOW_MS:
        _explain(path, usual, sql, params)
    p50, p95, db50, db95 = (round(float(np.percentile(of, at)), 1) for of in (pages, waits) for at in (50, 95))
    return dict(zip(COLUMNS, (p50, p95, db50, db95, len(statements[-1]), usual, _short(sql)), strict=True))


def _get(client: Client, path: str) -> Any:
    forget_figures()
    answer = client.get(path)
    if answer.status_code != 200:
        raise RuntimeError(f"{path}: {answer.status_code}")
    return answer


def _slowest(pages: Sequence[Sequence[tuple[float, str, Any]]]) -> tuple[float, str, Any]:
    """By its usual time: one that waited once for the disk is not slow."""
    times = [
        (round(median(same[0] for same in group), 1), group[-1][1], group[-1][2]) for group in zip(*pages, strict=False)
    ]
    return max(times, key=lambda one: one[0])


def _short(sql: str) -> str:
    _select, _from, rest = sql.rpartition(" FROM ") if sql.count(" FROM ") == 1 else sql.partition(" FROM ")
    return f"{sql[:40]} … FROM {rest}"[:300]


def _explain(path: str, usual: float, sql: str, params: Any) -> None:
    how = "EXPLAIN (ANALYZE, BUFFERS)" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    with connection.cursor() as cursor:
        cursor.execute(f"{how} {sql}", params)
        plan = "\n".join(f"    {row[-1]}" for row in cursor.fetchall())
    tell(f"{path}: {usual} ms\n  {sql[:2500]}\n{plan}")


def _unit_code(crowd: Crowd) -> str:
    from_unit = "SELECT code FROM people_organisation WHERE id = %s"
    with connection.cursor() as cursor:
        cursor.execute(from_unit, [crowd.units[1]])
        return str(cursor.fetchone()[0])


def _number() -> str:
    """One of the first reports'."""
    return f"00000001{check_digit('00000001')}"


def _second_page(client: Client) -> str:
    html = _get(client, COMMON["queue"]).content.decode()
    after = html.split("after=", 1)[1].split('"', 1)[0] if "after=" in html else ""
    return f"{COMMON['queue']}&after={after.replace('&amp;', '&')}"


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
