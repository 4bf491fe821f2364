"""A town, and pictures in a folder of the test's own."""

from pathlib import Path

import pytest

from qixia.kernel.config import get_config
from qixia.reports.tests.town import Town


@pytest.fixture(autouse=True)
def media(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "media"
    monkeypatch.setattr(get_config(), "media_dir", folder)
    return folder


@pytest.fixture
def town(standing_town: Town) -> Town:
    return standing_town
