"""No database."""

import pytest

from qixia.triage.text import MAX_CHARS, clean

TRADITIONAL = {"蓋": "盖"}


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("", ""),
        ("井盖", "井盖"),
        ("井蓋", "井盖"),
        ("１２号楼Ａ座", "12号楼a座"),
        ("井\u200b盖\ufe0f", "井盖"),
        ("井盖\x00\x07  翘\n\t起", "井盖 翘 起"),
        ("🔥🔥", ""),
        ("🔥着火🔥", "着火"),
        ("㎡", "m2"),
        ("\ud800井", "井"),
        ("\u202e井盖\u202c", "井盖"),
    ],
)
def test_folding(raw: str, text: str) -> None:
    assert clean(raw, TRADITIONAL).text == text


def test_positions_lead_back_to_the_raw_text() -> None:
    raw = "看！🔥㎡ 井\u200b蓋没了"
    source = clean(raw, TRADITIONAL)
    start = source.text.index("井盖")
    begin, end = source.raw_span(start, start + 2)
    assert raw[begin:end] == "井\u200b蓋"
    assert len(source.text) == len(source.origin)


def test_what_lies_beyond_the_limit_is_not_read() -> None:
    assert len(clean("井" * (MAX_CHARS + 5000), {}).text) == MAX_CHARS
