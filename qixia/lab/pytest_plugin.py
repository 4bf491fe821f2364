"""What holds for every test run, from before Django's settings are read (`-p qixia.lab.pytest_plugin`).

A run has a folder of its own with a master key of its own, so it needs no installation and harms none. A skipped test
counts as failed: what a test needs is installed by `make test`, and what isn't tested isn't known.

A test that asks for no database is marked `once`: `make test` runs it in one suite only. While it runs the settings name
no database, so that it fails if it uses one after all, or starts a program that does. A test that starts programs on a
database of the suite's kind is marked `both`.
"""

import gc
import os
import shutil
import tempfile
from collections.abc import Generator
from hashlib import sha256
from pathlib import Path

import pytest

from qixia.kernel.config import PROJECT_DIR, get_config
from qixia.kernel.keys import make_key_file

NO_DATABASE = "none://a-test-without-a-database"
KEPT_TEMPLATES = 8

_IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ  # a worker of pytest-xdist inherits its controller's environment


def _make_surroundings() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="qixia-test-"))
    key = folder / "keys" / "master.key"
    make_key_file(key)
    (folder / "static").mkdir()
    os.environ["QIXIA_VAR_DIR"] = str(folder)
    os.environ["QIXIA_MASTER_KEY_FILE"] = str(key)
    os.environ.setdefault("QIXIA_TEST_TEMPLATES", str(_templates()))
    for name in ("QIXIA_MODE", "QIXIA_DEMO", "QIXIA_TLS", "QIXIA_BASE_URL", "QIXIA_MEDIA_DIR", "QIXIA_STATIC_ROOT"):
        os.environ.pop(name, None)  # `make run` in the same shell must not change a test
    return folder


def _templates() -> Path:
    """Where migrated databases wait to be copied (qixia/lab/template.py), one for each state of the migrations.

    `make test` names a folder of its own, so there they are made anew each time.
    """
    state = sha256()
    for path in sorted(
        [*(PROJECT_DIR / "qixia").rglob("migrations/*.py"), *(PROJECT_DIR / "qixia/kernel").glob("*.py")]
    ):
        state.update(f"{path}\0".encode() + path.read_bytes())
    folder = PROJECT_DIR / "build" / "migrated" / state.hexdigest()[:16]
    if not folder.is_dir():
        others = sorted(folder.parent.glob("*"), key=lambda other: other.stat().st_mtime)
        for old in others[:-KEPT_TEMPLATES]:
            shutil.rmtree(old, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
    return folder


_folder = None if _IS_WORKER else _make_surroundings()


def pytest_unconfigure() -> None:
    if _folder is not None:
        shutil.rmtree(_folder, ignore_errors=True)


@pytest.hookimpl(tryfirst=True)  # before `-m "not once"` is looked at
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what runs on one database only."""
    for item in items:
        if not _uses_database(item) and item.get_closest_marker("both") is None:
            item.add_marker("once")
    wrong = [item.nodeid for item in items if item.get_closest_marker("once") and _uses_database(item)]
    if wrong:
        raise pytest.UsageError(f"marked once, but these use the database: {', '.join(wrong[:5])}")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Ten thousand tests and all that they import stay to the end: no look for garbage goes through them again."""
    gc.freeze()


def _uses_database(item: pytest.Item) -> bool:
    asked = {"db", "transactional_db", "django_db_setup", "live_server"} & set(getattr(item, "fixturenames", ()))
    return bool(asked) or item.get_closest_marker("django_db") is not None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """What runs once is told of no database."""
    if item.get_closest_marker("once") is None:
        return (yield)
    config, url = get_config(), os.environ.get("QIXIA_DATABASE_URL")
    own, config.database_url = config.database_url, NO_DATABASE
    os.environ["QIXIA_DATABASE_URL"] = NO_DATABASE
    try:
        return (yield)
    finally:
        config.database_url = own
        del os.environ["QIXIA_DATABASE_URL"]
        if url is not None:
            os.environ["QIXIA_DATABASE_URL"] = url


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
