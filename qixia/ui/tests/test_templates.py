"""All templates of the project, read as text: what a strict CSP, the sprite and readers ask of them."""

import re
from pathlib import Path

import pytest

from qixia.ui.templatetags.qx import icon_names

PACKAGE = Path(__file__).resolve().parents[2]
TEMPLATES = sorted(PACKAGE.glob("*/templates/**/*.html"))
LONGEST = 150

each_template = pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(PACKAGE)))


def test_there_are_templates() -> None:
    assert len(TEMPLATES) > 40


@each_template
def test_nothing_inline(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\sstyle\s*=", text), "style attributes are blocked by the CSP"
    assert not re.search(r"\son[a-z]+\s*=\s*[\"']", text), "handlers in attributes are blocked by the CSP"
    assert "<style" not in text
    assert "javascript:" not in text
    for tag in re.findall(r"<script\b[^>]*(?:\{%[^%]*%\}[^>]*)*>", text):
        assert "src=" in tag or 'type="application/json"' in tag, tag


@each_template
def test_not_too_long(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


@each_template
def test_icons_are_in_the_sprite(path: Path) -> None:
    used = set(re.findall(r"\{%\s*icon\s+\"([^\"]+)\"", path.read_text(encoding="utf-8")))
    assert used <= icon_names()


@each_template
def test_the_dot_is_drawn(path: Path) -> None:
    shown = re.sub(r"\{% comment %\}.*?\{% endcomment %\}", "", path.read_text(encoding="utf-8"), flags=re.S)
    assert "·" not in shown, 'a full square in Chinese faces: use <i class="qx-sep"></i>'


@each_template
def test_images_have_a_text_and_new_windows_no_opener(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for tag in re.findall(r"<img\b[^>]*(?:\{%[^%]*%\}[^>]*)*>", text):
        assert "alt=" in tag, tag


def test_style_sheets_hold_no_colour_but_in_tokens() -> None:
    """Outside tokens.css only white and black for what lies on photos, and the few fixed colours listed."""
    allowed = {"#fff", "#000", "#ffd24a", "#1b1606", "#1d5fd0", "#10201c", "#10161a", "#1b2321", "#999", "#6ec8ff"}
    allowed |= {"#d98447", "#d9c77a", "#b9c2c6", "#f0b13a", "#e58f2c", "#cc5a1e", "#a5201b", "#5f120e", "#861813"}
    for path in sorted((PACKAGE / "ui" / "assets").glob("*.css")):
        if path.name != "tokens.css":
            assert set(re.findall(r"#[0-9a-fA-F]{3,8}\b", path.read_text(encoding="utf-8"))) <= allowed, path.name
