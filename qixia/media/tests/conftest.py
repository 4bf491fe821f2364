"""A media directory for each test that asks for one, and a way to see every file in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from qixia.kernel.config import get_config


@pytest.fixture
def media_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(get_config(), "media_dir", tmp_path / "media")
    return tmp_path / "media"


@pytest.fixture
def files_in(media_dir: Path) -> Callable[[str], list[Path]]:
    """files_in("originals") → all files below that folder; files_in("") → all files."""
    return lambda part: sorted(path for path in (media_dir / part).rglob("*") if path.is_file())
