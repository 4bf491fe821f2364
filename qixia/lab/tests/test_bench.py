"""The benches measure, say it in one line with the agreed keys, and leave nothing behind."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

COMMON = {"command", "commit", "seed", "seconds", "cpu_s", "foreign_cpu"}
INTAKE = {
    "accepted_per_s", "settled_per_s", "settle_lag_p95_ms", "raw_per_s", "ratio_to_raw", "rows_per_report",
    "sql_per_report", "sql_per_settle", "cpu_ms_per_report", "p50_ms", "p95_ms", "p99_ms", "errors",
}  # fmt: skip
TINY = ["--seconds", "1", "--rounds", "1", "--clients", "2"]
# A bench starts a PostgreSQL of its own, whatever the database of the suite is.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def leftovers() -> set[str]:
    return {path.name for path in Path(tempfile.gettempdir()).glob("qixia-pg-*")}


def start(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "qixia.site.cli", "bench", *words, *TINY]
    own = {name: value for name, value in os.environ.items() if name != "QIXIA_DATABASE_URL"}
    return subprocess.Popen(
        command, env=own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def test_intake_measures_in_one_line():
    process = start("intake")
    out, logged = process.communicate(timeout=280)
    assert process.returncode == 0, logged[-2000:]
    (line,) = out.splitlines()
    found = json.loads(line)
    assert set(found) >= COMMON | INTAKE
    assert found["errors"] == 0
    assert found["settled_per_s"] > 0
    assert found["rows_per_report"] > 10
    assert found["sql_per_report"] <= 12


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_bench_leaves_nothing(number):
    before = leftovers()
    process = start("intake")
    until = time.monotonic() + 60
    while not leftovers() - before:
        assert time.monotonic() < until
        time.sleep(0.05)
    made = leftovers() - before
    process.send_signal(number)
    process.communicate(timeout=60)
    while leftovers() & made:
        assert time.monotonic() < until + 60, "the cluster's folder is still there"
        time.sleep(0.1)


def test_the_vault_is_measured_against_plain_files():
    process = start("vault")
    out, logged = process.communicate(timeout=120)
    assert process.returncode == 0, logged[-2000:]
    small, large = (json.loads(line) for line in out.splitlines())
    for line in (small, large):
        assert set(line) >= COMMON | {"plain_cpu_ms", "sealed_cpu_ms", "plain_ms", "sealed_ms", "photo", "bytes"}
    assert 200_000 < small["bytes"] < 500_000
    assert 8_000_000 < large["bytes"] < 12_000_000
