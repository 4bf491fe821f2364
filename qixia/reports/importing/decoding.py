"""Bytes to text: UTF-8, UTF-16 with or without a mark, and what Chinese Windows writes (GB 18030). BadFile for others."""

from __future__ import annotations

import codecs

from qixia.reports.importing.limits import MB, TEXT_BYTES, BadFile

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BINARY = frozenset(range(32)) - {9, 10, 12, 13, 27}
_CONTROLS = dict.fromkeys({*range(32), 127} - {9, 10, 13})


def without_controls(text: str) -> str:
    """No database keeps a zero in a text, and no person wrote one."""
    return text.translate(_CONTROLS)


def text_of(data: bytes) -> str:
    """The text of a file. Line ends become one kind."""
    if len(data) > TEXT_BYTES:
        raise BadFile("文字太多：最多 %(most)d MB。请分几次导入。", most=TEXT_BYTES // MB)
    if not data.strip():
        raise BadFile("文件是空的。")
    for encoding in _encodings(data):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not any(ord(letter) in _BINARY for letter in text[:4000]):
            return without_controls(text.replace("\r\n", "\n").replace("\r", "\n"))
    raise BadFile("认不出文字的编码。请另存为 UTF-8 的文本再传。")


def _encodings(data: bytes) -> list[str]:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return [encoding]
    head = data[:4000]
    if head.count(0) > len(head) // 8:  # ASCII in UTF-16 has every other byte zero; Chinese has line ends and digits
        return ["utf-16-le" if head[1::2].count(0) >= head[::2].count(0) else "utf-16-be"]
    return ["utf-8", "gb18030"]
