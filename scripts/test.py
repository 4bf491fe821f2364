"""Everything that must hold before a change lands. `make test` runs all of it, `make check` the quick part.

Steps run side by side where they don't disturb each other: the static checks beside the loading of the site that browsers
visit, then the browser suite alone (it is about time), then the suites. A suite has two workers, which take handfuls of
tests in the order of tests/ordering.py; of the browser suite each has a copy of the site and a browser of its own.
Nothing is skipped: what is missing is installed, or named, and then the run fails.

The last line is "N passed, N failed": checks that hold or not, plus the tests of the suites. Exit code 0 only if none failed.
"""

import argparse
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from qixia.kernel.keys import make_key_file
from qixia.lab import apt
from qixia.lab.postgres import PostgreSQL

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
RESULTS = ROOT / "build" / "test"
STEP_SECONDS = 2700
SHOWN_LINES = 120
_COUNTS = re.compile(r"(\d+) (passed|failed|errors?|skipped)\b")

say_lock = threading.Lock()


@dataclass(frozen=True)
class Step:
    """One check. A suite's own counts of tests are added to the total; any other step counts as one."""

    name: str
    command: list[str]
    is_suite: bool = False
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    step: Step
    code: int
    seconds: float
    passed: int
    failed: int

    @property
    def is_good(self) -> bool:
        return self.code == 0 and self.failed == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="no suites: style, types, contracts, snapshots")
    parser.add_argument("--only", help="steps whose name contains this")
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(130))  # the context managers tidy up
    started = time.monotonic()
    try:
        apt.ensure([] if options.quick else [apt.POSTGRESQL, apt.NGINX, apt.CHROMIUM, apt.CJK_FONTS])
    except apt.CannotInstall as error:
        print(f"{error}\n\n0 passed, 1 failed")
        return 1
    RESULTS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="qixia-check-") as folder:
        make_key_file(Path(folder) / "keys" / "master.key")
        os.environ["QIXIA_VAR_DIR"] = os.environ["QIXIA_TEST_TEMPLATES"] = folder
        os.environ["QIXIA_TEST_SITE"] = str(Path(folder) / "site")  # see tests/browser/loading.py
        # Else each of two hundred programs compiles all of Qixia, and each worker all tests: minutes.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        outcomes = run_all(options)
    return summary(outcomes, time.monotonic() - started)


def run_all(options: argparse.Namespace) -> list[Outcome]:
    if options.quick:
        return side_by_side([chosen(static_steps(), options.only)])
    outcomes = side_by_side([chosen(static_steps(), options.only), chosen([site_of_browsers()], options.only)])
    outcomes += side_by_side([chosen([browser_suite()], options.only)])
    with PostgreSQL() as server:
        suites = [sqlite_suite(), postgresql_suite(server.url)]
        return outcomes + side_by_side([chosen(suites, options.only)])


def chosen(steps: list[Step], only: str | None) -> list[Step]:
    return [step for step in steps if not only or only in step.name]


def side_by_side(queues: list[list[Step]]) -> list[Outcome]:
    """Each queue in its own thread, its steps one after the other: two cores, two queues."""
    with ThreadPoolExecutor(max_workers=len(queues)) as pool:
        results = pool.map(lambda queue: [run(step) for step in queue], queues)
        return [outcome for queue in results for outcome in queue]


# The steps


def static_steps() -> list[Step]:
    tool = {name: str(BIN / name) for name in ("ruff", "mypy", "lint-imports", "qixia", "pytest")}
    return [
        Step("format", [tool["ruff"], "format", "--check", "."]),
        Step("lint", [tool["ruff"], "check", "."]),
        Step("contracts", [tool["lint-imports"]]),
        Step("migrations", [tool["qixia"], "makemigrations", "--check", "--dry-run"]),
        Step("api snapshot", [tool["qixia"], "openapi", "--check"]),
        Step("events table", [tool["qixia"], "events", "--check"]),
        Step("diagram of the loop", [tool["qixia"], "loop", "--check"]),
        Step("types", [tool["mypy"]]),
    ]


def sqlite_suite() -> Step:
    return Step("suite on SQLite", pytest("qixia", "tests"), is_suite=True, environment={"QIXIA_DATABASE_URL": ""})


def postgresql_suite(url: str) -> Step:
    """Without what touches no database of the suite (marked `once` by qixia.lab.pytest_plugin): that proves nothing a
    second time."""
    command = [*pytest("qixia", "tests"), "-m", "not browser and not once"]
    return Step("suite on PostgreSQL", command, is_suite=True, environment={"QIXIA_DATABASE_URL": url})


def site_of_browsers() -> Step:
    """Once, where a core would idle, and fresh when the browsers come."""
    return Step("site of the browser", [sys.executable, "-m", "tests.browser.loading", os.environ["QIXIA_TEST_SITE"]])


def browser_suite() -> Step:
    return Step("browser", [*pytest("tests/browser"), "-m", "browser", "--timeout=300"], is_suite=True)


def pytest(*paths: str) -> list[str]:
    """Two workers; at the end of the log, where the time went."""
    slowest = ["--durations=40", "--durations-min=2"]
    return [str(BIN / "pytest"), *paths, "-n", "2", "--dist", "loadgroup", "--no-loadscope-reorder", *slowest]


# Running and telling


def run(step: Step) -> Outcome:
    started = time.monotonic()
    log = RESULTS / f"{step.name.replace(' ', '-').lower()}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            step.command,
            cwd=ROOT,
            env={**os.environ, **step.environment},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout=STEP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
            out.write(f"\nended after {STEP_SECONDS} s\n".encode())
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    outcome = judge(step, code, time.monotonic() - started, log.read_text(errors="replace"))
    tell(outcome, log)
    return outcome


def judge(step: Step, code: int, seconds: float, output: str) -> Outcome:
    if not step.is_suite:
        return Outcome(step, code, seconds, passed=int(code == 0), failed=int(code != 0))
    lines = output.rstrip().splitlines()
    counts = {word: int(number) for number, word in _COUNTS.findall(lines[-1] if lines else "")}
    failed = sum(counts.get(word, 0) for word in ("failed", "error", "errors", "skipped"))
    passed = counts.get("passed", 0)
    if not failed and (code != 0 or passed == 0):
        failed = 1  # it crashed, or ran no test at all
    return Outcome(step, code, seconds, passed, failed)


def tell(outcome: Outcome, log: Path) -> None:
    with say_lock:
        if not outcome.is_good:
            lines = log.read_text(errors="replace").rstrip().splitlines()
            print("\n".join(["", f"── {outcome.step.name} ──", *lines[-SHOWN_LINES:], ""]))
        print(line_of(outcome), flush=True)


def line_of(outcome: Outcome) -> str:
    word = "good" if outcome.is_good else "FAILED"
    counts = f"{outcome.passed} passed, {outcome.failed} failed" if outcome.step.is_suite else ""
    return f"{word:<7} {outcome.step.name:<20} {outcome.seconds:6.1f} s   {counts}".rstrip()


def summary(outcomes: list[Outcome], seconds: float) -> int:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = f"{used.ru_utime + used.ru_stime:.0f} s of CPU"  # of the cores' time, the rest was waiting
    lines = [*(line_of(outcome) for outcome in outcomes), f"        in all {seconds:20.1f} s   {cpu}"]
    print("\n".join(["", "Summary", *lines]))
    failed = sum(outcome.failed for outcome in outcomes)
    passed = sum(outcome.passed for outcome in outcomes)
    if not outcomes:
        failed = 1
    print(f"\n{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
