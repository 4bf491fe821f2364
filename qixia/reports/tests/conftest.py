"""A town for every test that wants one; pictures go into a folder of the test's own."""

import pytest

from qixia.kernel.config import get_config
from qixia.places import queries as places
from qixia.reports.tests.town import build_town


@pytest.fixture(autouse=True)
def _own_media(tmp_path, monkeypatch):
    monkeypatch.setattr(get_config(), "media_dir", tmp_path / "media")


@pytest.fixture
def town(standing_town):
    return standing_town


@pytest.fixture
def town_for_threads(transactional_db):
    places.forget()
    yield build_town()
    places.forget()
