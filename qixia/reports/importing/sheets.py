"""Lists of cases: Excel (.xlsx) and text with separators, to headings and lines; and the list of errors that goes back.

Safety   formulas are never worked out: what the program that wrote the file last showed is read. Macros, old and protected
         files, document types in XML and anything larger than the limits are refused before it is opened. What we write
         begins no cell like a formula.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell

from qixia.reports.importing.archives import check_archive
from qixia.reports.importing.columns import score
from qixia.reports.importing.decoding import text_of, without_controls
from qixia.reports.importing.limits import CELL, COLUMNS, MB, ROWS, TABLE_BYTES, BadFile

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
_HEAD_AMONG = 10
_BLANKS = 200  # blank lines in a row end a list: some programs write a million of them


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a list; `number` as the program shows it."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    headings: tuple[str, ...]
    lines: tuple[Line, ...]


def read_excel(data: bytes) -> Table:
    """The first sheet that holds anything."""
    return _table(lines_of_excel(data))


def lines_of_excel(data: bytes) -> list[Line]:
    """Its lines as they stand, for lists that know their headings themselves."""
    if len(data) > TABLE_BYTES:
        raise BadFile("表格太大：最多 %(most)d MB。请分几次导入。", most=TABLE_BYTES // MB)
    names = check_archive(data)
    if any("vbaproject" in name.lower() or "macrosheet" in name.lower() for name in names):
        raise BadFile("带宏的表格不收。请另存为不带宏的 .xlsx 再传。")
    _refuse_types(data)
    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    except Exception as error:  # whatever a broken file makes the reader say
        raise BadFile("表格打不开，可能没有传完整，或者不是 .xlsx。") from error
    try:
        for sheet in book.worksheets:
            if sheet.sheet_state == "visible" and (lines := _lines_of(sheet)):
                return lines
    except BadFile:
        raise
    except Exception as error:
        raise BadFile("表格里有读不了的内容。请另存为 .xlsx 再传。") from error
    finally:
        book.close()
    raise BadFile("表格是空的。")


def _refuse_types(data: bytes) -> None:
    """A document type is in no honest workbook; entities could make a small file endless."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            if info.filename.endswith((".xml", ".rels")):
                with archive.open(info) as file:
                    head = file.read(4096).replace(b"\0", b"").lower()
                if b"<!doctype" in head or b"<!entity" in head:
                    raise BadFile("表格里有读不了的内容。请另存为 .xlsx 再传。")


def _lines_of(sheet: Any) -> list[Line]:
    sheet.reset_dimensions()  # what a file says of its size need not be true
    found, blanks = [], 0
    for number, row in enumerate(sheet.iter_rows(max_col=COLUMNS, values_only=True), 1):
        cells = tuple(_said(value) for value in row)
        if not any(cells):
            blanks += 1
            if blanks > _BLANKS:
                break
            continue
        blanks = 0
        found.append(Line(number, cells))
        if len(found) > ROWS + _HEAD_AMONG:
            raise BadFile("行数太多：最多 %(most)d 行。请分几次导入。", most=ROWS)
    return found


def _said(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime | date):
        return value.isoformat(sep=" ", timespec="seconds") if isinstance(value, datetime) else value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    return without_controls(str(value)).strip()[:CELL]


def read_separated(data: bytes) -> Table:
    """A .csv or .tsv file."""
    text = text_of(data)
    head = text.split("\n", 1)[0]
    separator = max(",\t;，", key=head.count)
    rows = csv.reader(io.StringIO(text), delimiter=separator)
    found: list[Line] = []
    try:
        for number, row in enumerate(rows, 1):
            cells = tuple(cell.strip()[:CELL] for cell in row[:COLUMNS])
            if any(cells):
                found.append(Line(number, cells))
            if len(found) > ROWS + _HEAD_AMONG:
                raise BadFile("行数太多：最多 %(most)d 行。请分几次导入。", most=ROWS)
    except csv.Error as error:
        raise BadFile("表格打不开，可能没有传完整。") from error
    if not found:
        raise BadFile("表格是空的。")
    return _table(found)


def _table(lines: Sequence[Line]) -> Table:
    """The line that looks most like headings is them; what stands above is a title."""
    among = lines[:_HEAD_AMONG]
    best = max(range(len(among)), key=lambda index: (score(among[index].cells), -index))
    if score(among[best].cells) == 0:
        raise BadFile("没有找到表头。第一行请写列名，比如：时间、地点、内容。")
    body = lines[best + 1 :]
    if not body:
        raise BadFile("表格里只有表头，没有内容。")
    if len(body) > ROWS:
        raise BadFile("行数太多：最多 %(most)d 行。请分几次导入。", most=ROWS)
    width = max(len(line.cells) for line in (among[best], *body))
    headings = (*among[best].cells, *([""] * (width - len(among[best].cells))))
    return Table(headings, tuple(body))


def safe_cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def write_excel(headings: Sequence[str], rows: Iterable[Sequence[str | int]], title: str = "errors") -> bytes:
    """A workbook of one sheet; every text is text."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title)
    sheet.append(list(headings))
    for row in rows:
        sheet.append([value if isinstance(value, int) else _text_cell(sheet, value) for value in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _text_cell(sheet: Any, text: str) -> Any:
    clean = "".join(letter for letter in text if letter in "\n\t" or ord(letter) >= 32)
    cell = WriteOnlyCell(sheet, value=safe_cell(clean[:CELL]))
    cell.data_type = "s"
    return cell
