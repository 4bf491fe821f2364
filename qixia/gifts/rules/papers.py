"""Lists that were kept on paper and typed into Excel: their columns, and what a row says. Pure.

Headings  as the template has them, wherever they stand in the first lines; spaces and stars don't matter.
Dates     2026-11-20, 2026/11/20, 2026年11月20日 or a cell that Excel holds as a date; a time behind it is left out.
Errors    Invalid with field "file" for a list that can't be read at all; faults of a row are Invalids with its field.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Protocol

from qixia.gifts import states
from qixia.gifts.rules import forms
from qixia.kernel.errors import DomainError, Invalid
from qixia.kernel.ids import parse_number
from qixia.people.rules import mobile_number

MOST_ROWS = 1000
_HEAD_AMONG = 10
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T]\d{1,2}:\d{2}(?::\d{2})?)?")
_SPLIT_DAY = re.compile(r"(\d{4})(\d{2})(\d{2})")


@dataclass(frozen=True, slots=True)
class Column:
    """`hint` is what the template says below the heading."""

    name: str
    title: str
    needed: bool
    hint: str
    width: int = 16


COLUMNS: dict[str, tuple[Column, ...]] = {
    states.PAPER_RECEIVED: (
        Column("donor", "捐赠方", True, "活动里记过的名字，一个字不差", 20),
        Column("what", "捐了什么", False, "同一捐赠方有几笔时要写", 20),
        Column("place", "发放点", True, "从“可以填的”那张表里选", 22),
        Column("count", "份数", True, "1 以上的整数", 10),
        Column("day", "收到日期", True, "比如 2026-11-20", 14),
        Column("slip", "单号", True, "送货单或入库单上的号；同一个号只记一次", 20),
        Column("note", "说明", False, "可以不写", 24),
    ),
    states.PAPER_HANDED: (
        Column("number", "领取号", False, "骑手页面上的 9 位数字；和手机号写一个就行", 16),
        Column("phone", "手机号", False, "骑手登记的 11 位手机号", 16),
        Column("place", "发放点", True, "从“可以填的”那张表里选", 22),
        Column("day", "领取日期", True, "比如 2026-11-20", 14),
    ),
}


class Line(Protocol):
    """A line of a sheet: its number as Excel shows it, and its cells."""

    @property
    def number(self) -> int: ...
    @property
    def cells(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it was typed."""

    line: int
    said: dict[str, str]


@dataclass(slots=True)
class Read:
    """What a row says, as far as it can be understood; `faults` say where it can't."""

    row: Row
    place: str = ""
    day: date | None = None
    donor: str = ""
    what: str = ""
    count: int = 0
    slip: str = ""
    note: str = ""
    number: str = ""
    phone: str = ""
    faults: list[DomainError] = field(default_factory=list)


def rows_of(kind: str, lines: Sequence[Line]) -> list[Row]:
    """The rows below the headings."""
    at, places = _headings(kind, lines)
    rows = []
    for line in lines[at + 1 :]:
        said = {name: _cell(line, column) for name, column in places.items()}
        if any(said.values()) and not _is_hint(kind, said):
            rows.append(Row(line.number, said))
    if not rows:
        raise Invalid("表格里只有表头，没有内容。", field="file")
    if len(rows) > MOST_ROWS:
        raise Invalid("行数太多：最多 %(most)d 行。请分几次导入。", field="file", most=MOST_ROWS)
    return rows


def _headings(kind: str, lines: Sequence[Line]) -> tuple[int, dict[str, int]]:
    """Where the headings stand, and which column is what."""
    titles = {column.title: column for column in COLUMNS[kind]}
    best: tuple[int, dict[str, int]] = (0, {})
    for at, line in enumerate(lines[:_HEAD_AMONG]):
        found: dict[str, int] = {}
        for index, cell in enumerate(line.cells):
            column = titles.get(re.sub(r"[\s*＊]", "", cell))
            if column is not None:
                found.setdefault(column.name, index)
        if len(found) > len(best[1]):
            best = (at, found)
    for column in COLUMNS[kind]:
        if column.needed and column.name not in best[1]:
            raise Invalid("没有找到“%(name)s”这一列。请用模板，列名不要改。", field="file", name=column.title)
    if kind == states.PAPER_HANDED and best[1].keys().isdisjoint(("number", "phone")):
        raise Invalid("没有找到“%(name)s”这一列。请用模板，列名不要改。", field="file", name="领取号")
    return best


def _is_hint(kind: str, said: dict[str, str]) -> bool:
    """The template's own line of hints, left where it was."""
    return all(said.get(column.name, "") in ("", column.hint) for column in COLUMNS[kind])


def _cell(line: Line, column: int) -> str:
    text = line.cells[column] if column < len(line.cells) else ""
    return text.strip().removeprefix("'").strip()[:200]


def pack(rows: Sequence[Row]) -> bytes:
    return json.dumps([[row.line, row.said] for row in rows], ensure_ascii=False).encode()


def unpack(packed: bytes) -> list[Row]:
    return [Row(line, said) for line, said in json.loads(packed)]


# ── what a row says ─────────────────────────────────────────────────────────


def read(kind: str, row: Row, *, first: date, today: date) -> Read:
    """`first` and `today` bound the date."""
    found = Read(row)
    _try(found, lambda: _read_day(found, first, today))
    _try(found, lambda: _read_place(found))
    for one in (_RECEIVED if kind == states.PAPER_RECEIVED else _HANDED).values():
        _try(found, partial(one, found))
    return found


def _try(found: Read, act: Callable[[], object]) -> None:
    try:
        act()
    except DomainError as fault:
        found.faults.append(fault)


def _read_day(found: Read, first: date, today: date) -> None:
    text = unicodedata.normalize("NFKC", found.row.said.get("day", ""))
    parts = _DAY.fullmatch(text) or _SPLIT_DAY.fullmatch(text)
    try:
        day = date(*map(int, parts.groups())) if parts else None
    except ValueError:
        day = None
    if day is None:
        raise Invalid("日期写成 2026-11-20 这样。", field="day")
    if day > today:
        raise Invalid("日期在今天以后。", field="day")
    if day < first:
        raise Invalid("日期在活动开始（%(day)s）以前。", field="day", day=first.isoformat())
    found.day = day


def _read_place(found: Read) -> None:
    found.place = found.row.said.get("place", "")
    if not found.place:
        raise Invalid("没有写发放点。", field="place")


def _read_donor(found: Read) -> None:
    found.donor, found.what = found.row.said.get("donor", ""), found.row.said.get("what", "")
    if not found.donor:
        raise Invalid("没有写捐赠方。", field="donor")


def _read_count(found: Read) -> None:
    text = unicodedata.normalize("NFKC", found.row.said.get("count", "")).removesuffix("份").strip()
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise Invalid("数量要是 1 以上的整数。", field="count")
    found.count = forms.amount(int(text))


def _read_slip(found: Read) -> None:
    found.slip = " ".join(unicodedata.normalize("NFKC", found.row.said.get("slip", "")).split())
    if not 1 <= len(found.slip) <= 60:
        raise Invalid("要写单号，最多 60 个字。没有单号的，自己编一个写在单子上。", field="slip")


def _read_note(found: Read) -> None:
    found.note = found.row.said.get("note", "")


def _read_number(found: Read) -> None:
    text = found.row.said.get("number", "")
    if not text:
        return
    # Excel drops the noughts in front of what it takes for a number.
    number = parse_number(text.zfill(9) if text.isascii() and text.isdigit() else text)
    if number is None:
        raise Invalid("号码不对，请再看一遍 9 位数字。", field="number")
    found.number = number


def _read_phone(found: Read) -> None:
    text = found.row.said.get("phone", "")
    if text:
        found.phone = mobile_number(text, field="phone")
    elif not found.row.said.get("number", ""):
        raise Invalid("领取号和手机号，至少写一个。", field="number")


_RECEIVED = {"donor": _read_donor, "count": _read_count, "slip": _read_slip, "note": _read_note}
_HANDED = {"number": _read_number, "phone": _read_phone}
