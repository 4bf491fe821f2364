"""SIGKILL at more than twenty moments on the path of a report: nothing acknowledged is lost, nothing is done twice."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from qixia.kernel.config import get_config
from qixia.kernel.keys import Keys
from qixia.lab.nursery import nursery
from qixia.lab.stage import Stage, stage
from tests.harness.kill import Harness, Round, original

SEED = 20261122
ROUNDS = (
    Round("intake.files_kept", "jobs.taken"),
    Round("intake.written", "settle.paid"),
    Round("intake.committed", "settle.written"),
    Round("", "jobs.forgotten"),
    Round("intake.files_kept", "settle.paid", "media.copied"),
    Round("intake.written", ""),
    Round("intake.committed", "jobs.taken"),
    Round("intake.written", "jobs.forgotten", "jobs.taken"),
    Round("", "settle.written"),
    Round("", ""),
    Round("", ""),
)
POINTS = {name for plan in ROUNDS for name in (plan.web, plan.worker, plan.pictures) if name}


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """An empty database of the kind that this run of the suite is about."""
    suite = get_config().database
    if suite.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'kill.sqlite3'}"
        return
    name = f"qixia_kill_{os.getpid()}"
    server = suite.rpartition("/")[0]
    with psycopg.connect(f"{server}/postgres", autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name}")
        yield f"{server}/{name}"
        db.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def place(url: str, tmp_path: Path) -> Iterator[Stage]:
    with stage(url, tmp_path) as found:
        yield found


@pytest.mark.slow
@pytest.mark.both
@pytest.mark.timeout(600)
def test_nothing_acknowledged_is_lost_and_nothing_happens_twice(place: Stage) -> None:
    riders = place.prepare(riders=6)
    with nursery(place) as process:
        harness = Harness(place, riders, random.Random(SEED), process)
        for plan in ROUNDS:
            harness.round(plan)
        harness.finish()

    assert harness.kills >= 20, harness.kills
    assert set(harness.reached) == POINTS  # each was reached, or its round proves nothing
    assert harness.asked.refused == []
    assert harness.asked.open == []
    check_reports(harness)
    check_ledger(harness)
    check_files(harness)


def check_reports(harness: Harness) -> None:
    """Each key made one report, each report was settled once, and told of once."""
    acknowledged = sorted(harness.asked.receipts.values())
    assert len(acknowledged) > len(ROUNDS)
    assert sorted(row[0] for row in harness.ask("SELECT public_id FROM reports_report")) == acknowledged
    assert harness.ask("SELECT count(*) FROM jobs_command")[0][0] == len(acknowledged)
    assert harness.ask("SELECT DISTINCT state FROM reports_report") == [("dispatched",)]
    steps = "SELECT report_id FROM reports_reportstep WHERE step = 'settle' GROUP BY report_id HAVING count(*) = 1"
    assert len(harness.ask(steps)) == len(acknowledged)
    assert harness.ask("SELECT count(*) FROM reports_reportstep WHERE step = 'settle'")[0][0] == len(acknowledged)
    events = "SELECT ref FROM jobs_event WHERE name = 'reports.dispatched'"
    assert sorted(row[0] for row in harness.ask(events)) == [f"report:{public_id}" for public_id in acknowledged]
    assert harness.ask("SELECT name, last_error FROM jobs_job WHERE quarantined_at IS NOT NULL") == []


def check_ledger(harness: Harness) -> None:
    """Each report was paid exactly once; the books are sound."""
    paid = "SELECT source FROM rewards_posting WHERE act = 'reports.dispatched' AND points = 15"
    index = Keys.load(harness.stage.folder / "var" / "keys" / "master.key").blind_index
    acknowledged = [f"report:{public_id}" for public_id in harness.asked.receipts.values()]
    hidden = sorted(f"report~{index(source, purpose='ledger-source')}" for source in acknowledged)
    assert sorted(row[0] for row in harness.ask(paid)) == hidden
    assert harness.ask("SELECT sum(amount) FROM rewards_entry")[0][0] == 0
    assert json.loads(harness.stage.run("-m", "qixia.site.cli", "rewards", "audit"))["sound"] is True


def check_files(harness: Harness) -> None:
    """No row without its file, and every picture was made in the end."""
    rows = harness.ask("SELECT storage_name, bytes, state FROM media_evidence")
    assert len(rows) == len(harness.asked.receipts)
    assert {state for _name, _bytes, state in rows} == {"ready"}
    wrong = [name for name, size, _state in rows if original(harness.stage, name).stat().st_size != size]
    assert wrong == []
