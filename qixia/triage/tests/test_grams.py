"""How a text is cut into pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qixia.triage.learning.grams import MAX_CHARS, char_grams, plain, sound, sound_grams


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("井盖，没了！！", "井盖 没了"),
        ("3号楼12层", "0号楼0层"),
        ("", ""),
        ("😀😀", ""),
        ("  路 灯  ", "路 灯"),
        ("a1b22", "a0b0"),
    ],
)
def test_plain(raw: str, text: str) -> None:
    assert plain(raw).text == text


def test_plain_remembers_where_it_came_from() -> None:
    raw = "，，12号楼！灯坏了"
    found = plain(raw)
    assert found.text == "0号楼 灯坏了"
    assert [raw[i] for i in found.origin] == ["1", "号", "楼", "！", "灯", "坏", "了"]


def test_pieces() -> None:
    assert char_grams("井盖没") == {"井": 1, "盖": 1, "没": 1, "井盖": 1, "盖没": 1, "井盖没": 1}
    assert sound_grams("井 盖") == {"jin": 1, "gai": 1, "jin·gai": 1}


def test_homophones_sound_alike() -> None:
    assert sound_grams("井盖") == sound_grams("井该") == sound_grams("景盖")
    assert sound("床") == sound("窗") == "cuan"
    assert sound_grams("qq群0") == {"qq": 1, "qun": 1, "0": 1, "qq·qun": 1, "qun·0": 1, "qq·qun·0": 1}


@given(st.text(max_size=600))
def test_any_text_has_pieces(raw: str) -> None:
    found = plain(raw)
    assert len(found.text) == len(found.origin) <= MAX_CHARS
    assert "  " not in found.text
    assert found.text == found.text.strip()
    assert sum(char_grams(found.text).values()) <= 4 * len(found.text)
    sound_grams(found.text)
