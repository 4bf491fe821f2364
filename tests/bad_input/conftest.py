"""A town, and pictures in a folder of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from qixia.kernel.config import get_config
from qixia.places import queries as places
from qixia.reports.tests.town import Town, build_town


@pytest.fixture(autouse=True)
def media(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "media"
    monkeypatch.setattr(get_config(), "media_dir", folder)
    return folder


@pytest.fixture
def town(db: None) -> Iterator[Town]:
    places.forget()
    yield build_town()
    places.forget()
