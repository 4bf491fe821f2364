"""The build: what it leaves, when it is skipped, and what a killed run leaves behind."""

import gzip
import re
from pathlib import Path

import pytest

from qixia.ui import assets
from qixia.ui.templatetags.qx import SEVERITIES, STATES, icon_names

BUDGET_CSS = 20_000  # bytes, gzip, of the rider's style sheet with Bootstrap's part


@pytest.fixture(scope="module")
def built() -> Path:
    assets.build()
    return assets.OUT / "ui"


def test_sprite_holds_every_icon_and_glyph(built: Path) -> None:
    ids = set(re.findall(r'id="i-([a-z0-9-]+)"', (built / "sprite.svg").read_text()))
    assert icon_names() <= ids
    assert {f"sev-{value}" for value in SEVERITIES} <= ids
    assert {f"st-{key}" for key in STATES} <= ids
    assert "mark" in ids


def test_rider_style_sheet_fits_its_budget(built: Path) -> None:
    assert len(gzip.compress((built / "rider.css").read_bytes(), 9)) <= BUDGET_CSS


def test_bootstrap_keeps_what_pages_name(built: Path) -> None:
    css = (built / "rider.css").read_text()
    for selector in (".btn", ".card", ".form-control", ".form-select", ".visually-hidden", ".form-switch"):
        assert selector in css, selector
    for gone in (".carousel", ".accordion", ".offcanvas", ".navbar"):
        assert gone not in css, gone


def test_scripts_name_no_source_map(built: Path) -> None:
    for script in built.rglob("*.js"):
        assert "sourceMappingURL" not in script.read_text(), script.name


def test_pictures_are_png_of_the_named_size(built: Path) -> None:
    for name, (_drawing, pixels) in assets._PICTURES.items():
        data = (built / "icons" / name).read_bytes()
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        assert int.from_bytes(data[16:20], "big") == pixels


@pytest.fixture
def own_build(tmp_path: Path, monkeypatch) -> Path:
    """A build folder of the test's own, so that tests beside it keep their assets."""
    monkeypatch.setattr(assets, "BUILD", tmp_path)
    monkeypatch.setattr(assets, "OUT", tmp_path / "static")
    assert assets.build() is True
    return tmp_path


def test_a_second_build_is_skipped_and_a_change_is_not(own_build: Path, monkeypatch) -> None:
    assert assets.build() is False
    monkeypatch.setattr(assets, "_digest", lambda: "another")
    assert assets.build() is True


def test_a_killed_build_leaves_the_old_assets_and_is_swept_up(own_build: Path, monkeypatch) -> None:
    def killed(script: Path, *args: str) -> None:
        (Path(args[0]) / "half.css").write_text("half")
        raise KeyboardInterrupt

    before = (own_build / "static" / "ui" / "rider.css").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(assets, "_node", killed)
        with pytest.raises(KeyboardInterrupt):
            assets.build(force=True)
    assert (own_build / "static" / "ui" / "rider.css").read_bytes() == before
    assert list(own_build.glob(".static-*"))
    assets.build(force=True)
    assert not list(own_build.glob(".static-*"))


def test_a_run_killed_between_the_renames_is_repaired(own_build: Path) -> None:
    (own_build / "static").rename(own_build / ".static-x-old")
    assert assets.build() is True
    assert (own_build / "static" / "ui" / "sprite.svg").is_file()


def test_the_lock_names_no_registry() -> None:
    text = assets.LOCK.read_text()
    assert '"resolved"' not in text
    assert "http" not in re.sub(r'"(url|funding)":[^\n]*', "", text)
