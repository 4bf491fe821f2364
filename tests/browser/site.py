"""The site that the browser visits: the programs of `qixia serve` over a demo district with few days of life.

Everything lies in one folder; the port is free. Nothing is faked: hashed static files, worker, strict policy, real codes.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from qixia.demo.cast import PASSWORD
from qixia.lab.stage import Stage
from tests.browser import loading

RIDER, RIDER_NAME = "13800000001", "一川"
OTHER_RIDERS = tuple(f"138000000{number:02d}" for number in range(2, 10))
CANTEEN, CHARGER = "13700000001", "13700000006"
STAFF = {"worker": "shizheng-2", "clerk": "yezhiqiu", "supervisor": "guxun", "admin": "jiangche"}
STAFF_PASSWORD = PASSWORD
LAT, LNG = 24.9118, 118.5932  # in the district, between houses


@dataclass
class Site:
    """What tests know of it."""

    url: str
    database: Path
    stage: Stage

    def end_sessions(self, session_key: str) -> int:
        """What an expiry does, at once. Returns how many sessions ended."""
        with closing(sqlite3.connect(self.database, timeout=20)) as connection, connection:
            return connection.execute("DELETE FROM django_session WHERE session_key = ?", [session_key]).rowcount

    def count_reports(self, words: str) -> int:
        """Reports with exactly these words: whatever the browser shows, this many were written."""
        with closing(sqlite3.connect(self.database, timeout=20)) as connection:
            return int(connection.execute("SELECT count(*) FROM reports_report WHERE words = ?", [words]).fetchone()[0])

    def secrecy_of(self, words: str) -> list[str]:
        """How the reports with these words were taken in: sealed or anonymous."""
        with closing(sqlite3.connect(self.database, timeout=20)) as connection:
            rows = connection.execute("SELECT secrecy FROM reports_report WHERE words = ?", [words])
            return [row[0] for row in rows]

    def change(self, statement: str, *values: object) -> int:
        """One statement, for what else only days would bring about. Returns how many rows it met."""
        with closing(sqlite3.connect(self.database, timeout=20)) as connection, connection:
            return connection.execute(statement, values).rowcount

    def run(self, program: str) -> str:
        """A short program beside the site's own, with the same database; what it prints."""
        return self.stage.run("-c", f"import django\ndjango.setup()\n{program}")


def start(stage: Stage) -> Site:
    """Take over what is loaded, or load; serve."""
    loading.take_over_or_load(stage)
    stage.serve()
    return Site(stage.environment["QIXIA_BASE_URL"], stage.folder / loading.DATABASE, stage)
