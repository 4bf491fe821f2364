"""`qixia bench duplicates`: how long it takes to find what a new report may be the same as, among a million.

Stage    a database of its own, SQLite and then PostgreSQL, with all migrations; gone afterwards.
Rows     fingerprints of three years in a district of 14 × 14 km, half of them at 400 busy spots; of the last 60 days two
         in five are still open, of older ones one in a hundred. Marks are those of the hand-written pairs' texts.
Asked    at the places of random rows, 25 m off, one after another in one process that is warm.
Keys     candidates_*  from the question to the rows (one statement), milliseconds
         similar_*     the same with reading words never read before, and scoring, as a report is settled
         *_cpu_p99_ms  CPU of the asking process alone (with SQLite that is all; PostgreSQL works in its own): what the
                       clock says is more when others use the machine, see foreign_cpu
         nearby        rows that one question brings up, mean
         fill_s        to write the rows and their indexes
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import h3.api.basic_int as h3
import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from qixia.kernel import measure
from qixia.lab.asking import DATABASES, Options, found_by, staged
from qixia.triage import candidates
from qixia.triage.duplicates.marks import Seen
from qixia.triage.duplicates.pairs import read_pairs
from qixia.triage.duplicates.rules import shipped_rules
from qixia.triage.duplicates.train import PAIRS
from qixia.triage.nearby import RESOLUTION, rows_near

ROWS = 1_000_000
ASKED = 2_000
SPOTS = 400
DAYS = 3 * 365
CENTRE = (24.90, 118.60)
DEGREE_M = 111_195.0
COLUMNS = ("ref", "cell", "lat", "lng", "accuracy_m", "at", "closed_at", "cls", "marks", "photo_hash")

Numbers = NDArray[np.float64]


def run(command: str, options: Options, databases: Sequence[str] = DATABASES) -> Iterator[dict[str, Any]]:
    """One line a database."""
    for database in databases:
        running = measure.start(command, seed=options.seed)
        with staged(database) as place:
            (found,) = found_by("lab_similar", place, options)
        yield {**running.finish(), "database": database, **found}


# ── in the child, with the stage's database ──────────────────────────────────────────────────────────────────────


def measured(options: Options) -> dict[str, Any]:
    """Fill the database and ask; all keys but the common ones."""
    rng = np.random.default_rng(options.seed)
    now = datetime(2026, 11, 22, 8, tzinfo=UTC)
    texts = _texts()
    pool = _pool(texts, now)
    places = _places(rng, options.rows)
    began = time.perf_counter()
    _write(_rows(rng, places, now, pool))
    filled = time.perf_counter() - began
    asked = _questions(rng, places, now, texts, options.asked)
    rules = shipped_rules()
    nearby = [len(rows_near([seen], rules, now)[0]) for seen in asked[:200]]
    quick = _timed(asked, lambda seen: rows_near([seen], rules, now))
    whole = _timed(asked[: options.asked // 4], lambda seen: candidates.similar(seen, limit=5, now=now))
    return {
        "rows": options.rows,
        "asked": len(asked),
        "fill_s": round(filled, 1),
        "nearby": round(statistics.mean(nearby), 1),
        **_percentiles("candidates", quick),
        **_percentiles("similar", whole),
    }


def _texts() -> list[str]:
    pairs = [
        pair for path in sorted(PAIRS.glob("*.jsonl")) for pair in read_pairs(path.read_text("utf-8").splitlines())
    ]
    return sorted({one.text for pair in pairs for one in (pair.a, pair.b)})[::4]


def _pool(texts: Sequence[str], now: datetime) -> list[tuple[str, bytes]]:
    """Class and marks of each text."""
    read = candidates.marks_many([_seen(0, 0.0, 0.0, now, text) for text in texts])
    return [(marks.classes[0][0] if marks.classes else "", marks.to_bytes()) for marks in read]


def _places(rng: np.random.Generator, count: int) -> Numbers:
    """Rows of latitude and longitude."""
    spots = rng.uniform(-7000, 7000, (SPOTS, 2))
    busy = rng.random(count) < 0.5
    at_spot = spots[rng.integers(0, SPOTS, count)] + rng.normal(0, 120, (count, 2))
    return _degrees(np.where(busy[:, None], at_spot, rng.uniform(-7000, 7000, (count, 2))), CENTRE)


def _degrees(metres: Numbers, centre: Any) -> Numbers:
    """Metres north and east of a centre, as degrees."""
    stretch = np.array([1.0, np.cos(np.radians(CENTRE[0]))])
    return np.asarray(centre + metres / (DEGREE_M * stretch))


def _rows(
    rng: np.random.Generator, places: Numbers, now: datetime, pool: Sequence[tuple[str, bytes]]
) -> Iterator[tuple[Any, ...]]:
    count = len(places)
    days = rng.uniform(0, DAYS, count)
    is_open = rng.random(count) < np.where(days < 60, 0.4, 0.01)
    took = np.minimum(rng.exponential(6, count), days)
    cells = (h3.latlng_to_cell(lat, lng, RESOLUTION) for lat, lng in places)
    columns = (_moments(now, days), _moments(now, days - took), is_open, rng.integers(0, len(pool), count))
    for number, (cell, (lat, lng), at, closed, still, which) in enumerate(
        zip(cells, places.tolist(), *map(np.ndarray.tolist, columns), strict=True)
    ):
        yield f"report:{number:026d}", cell, lat, lng, 15.0, at, None if still else closed, *pool[which], None


def _moments(now: datetime, days: Numbers) -> np.ndarray[Any, Any]:
    """So many days ago, in the words of either database."""
    start = np.datetime64(now.replace(tzinfo=None), "s")
    texts = np.datetime_as_string(start - (days * 86400).astype("timedelta64[s]"), unit="s")
    return np.char.add(np.char.replace(texts, "T", " "), "" if connection.vendor == "sqlite" else "+00")


def _write(rows: Iterator[tuple[Any, ...]]) -> None:
    """As quickly as the database takes them; this is no measure of `remember_many`."""
    table, columns = "triage_fingerprint", ", ".join(COLUMNS)
    with transaction.atomic():  # opens the connection, which is then spoken to without Django
        if connection.vendor == "postgresql":
            with connection.connection.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            marks = ", ".join("?" * len(COLUMNS))
            connection.connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {table}")


def _seen(number: int, lat: float, lng: float, at: datetime, words: str) -> Seen:
    return Seen(f"report:asked-{number}", lat, lng, 15.0, at, words, "")


def _questions(
    rng: np.random.Generator, places: Numbers, now: datetime, texts: Sequence[str], count: int
) -> list[Seen]:
    chosen = places[rng.integers(0, len(places), count)]
    asked = _degrees(rng.normal(0, 25, (count, 2)), chosen).tolist()
    words = rng.integers(0, len(texts), count)
    return [_seen(number, lat, lng, now, f"{texts[words[number]]} {number}") for number, (lat, lng) in enumerate(asked)]


def _timed(asked: Sequence[Seen], act: Callable[[Seen], Any]) -> list[tuple[float, float]]:
    """Milliseconds of each, on the clock and of our CPU; the first few warm what a worker has warm."""
    for seen in asked[:50]:
        act(seen)
    spent = []
    for seen in asked:
        began, used = time.perf_counter(), time.process_time()
        act(seen)
        spent.append(((time.perf_counter() - began) * 1000, (time.process_time() - used) * 1000))
    return spent


def _percentiles(name: str, spent: Sequence[tuple[float, float]]) -> dict[str, float]:
    clock, cpu = (np.array(values) for values in zip(*spent, strict=True))
    return {
        f"{name}_p50_ms": round(float(np.percentile(clock, 50)), 2),
        f"{name}_p99_ms": round(float(np.percentile(clock, 99)), 2),
        f"{name}_max_ms": round(float(clock.max()), 2),
        f"{name}_cpu_p99_ms": round(float(np.percentile(cpu, 99)), 2),
    }
