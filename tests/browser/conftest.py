"""One site and one browser for the whole suite; a fresh context for every person in every test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from qixia.lab.stage import Stage
from tests.browser import loading
from tests.browser import site as sites
from tests.browser.browsing import Accounts, Visits, chromium
from tests.browser.site import Site


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="qixia-browser-") as folder:
        stage = Stage(f"sqlite:///{folder}/{loading.DATABASE}", Path(folder))
        try:
            yield sites.start(stage)
        finally:
            stage.close()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as found:
        yield found


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    with chromium(playwright) as found:
        yield found


@pytest.fixture
def visits(browser: Browser, site: Site) -> Iterator[Visits]:
    """Persons with browsers. The test fails if any of their pages had a fault."""
    found = Visits(browser, site)
    yield found
    assert found.close() == []


@pytest.fixture(scope="session")
def accounts(browser: Browser, site: Site) -> Accounts:
    return Accounts(browser, site)
