"""What holds for every test run, from before Django's settings are read (`-p qixia.lab.pytest_plugin`).

A run has a folder of its own with a master key of its own, so it needs no installation and harms none. A skipped test
counts as failed: what a test needs is installed by `make test`, and what isn't tested isn't known. A test that is marked
`once` runs on one database only, and then must not use it.
"""

import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from qixia.kernel.keys import make_key_file

_IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ  # a worker of pytest-xdist inherits its controller's environment


def _make_surroundings() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="qixia-test-"))
    key = folder / "keys" / "master.key"
    make_key_file(key)
    (folder / "static").mkdir()
    os.environ["QIXIA_VAR_DIR"] = os.environ["QIXIA_TEST_FOLDER"] = str(folder)
    os.environ["QIXIA_MASTER_KEY_FILE"] = str(key)
    for name in ("QIXIA_MODE", "QIXIA_DEMO", "QIXIA_TLS", "QIXIA_BASE_URL", "QIXIA_MEDIA_DIR", "QIXIA_STATIC_ROOT"):
        os.environ.pop(name, None)  # `make run` in the same shell must not change a test
    return folder


_folder = None if _IS_WORKER else _make_surroundings()


def pytest_unconfigure() -> None:
    if _folder is not None:
        shutil.rmtree(_folder, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What runs on one database only must not use it."""
    wrong = [item.nodeid for item in items if item.get_closest_marker("once") and _uses_database(item)]
    if wrong:
        raise pytest.UsageError(f"marked once, but these use the database: {', '.join(wrong[:5])}")


def _uses_database(item: pytest.Item) -> bool:
    asked = {"db", "transactional_db", "django_db_setup", "live_server"} & set(getattr(item, "fixturenames", ()))
    return bool(asked) or item.get_closest_marker("django_db") is not None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and nothing is skipped here: {_reason(report.longrepr)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped:
        report.outcome = "failed"
        report.longrepr = f"module skipped, and nothing is skipped here: {_reason(report.longrepr)}"
    return report


def _reason(longrepr: object) -> object:
    return longrepr[2] if isinstance(longrepr, tuple) else longrepr
