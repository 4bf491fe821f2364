"""Excel files of gifts: a donor's sheet and the templates of lists from paper. No cell begins like a formula."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from qixia.gifts.queries.sheets import Sheet
from qixia.gifts.rules.papers import COLUMNS, MOST_ROWS, Column
from qixia.reports.importing.sheets import safe_cell

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_DONOR = ("活动", "捐了什么", "份数", "价值（元）", "日期", "已发", "在库", "破损", "退还", "清点差", "未到")
_ADVICE = ("单号", "领取号", "手机号")  # Excel must not take them for numbers


def donor_sheet(sheet: Sheet) -> bytes:
    """The same numbers as on the donor's page."""
    book = Workbook(write_only=True)
    page = book.create_sheet(_("捐赠"))
    page.append([_(name) for name in _DONOR])
    for one in sheet.donations:
        row = [one.campaign, one.what, one.count, one.value_fen / 100, one.given_on, _shown(one.handed, sheet)]
        page.append(
            [_safe(cell) for cell in [*row, _shown(one.left, sheet), one.broken, one.returned, one.lost, one.waiting]]
        )
    for title, name in (("发放点", "by_place"), ("月份", "by_month")):
        page = book.create_sheet(_(title))
        page.append([_("活动"), _(title), _("已发")])
        for one in sheet.donations:
            for line in getattr(one, name):
                page.append([_safe(one.campaign), _safe(line.name), _shown(line.count, sheet)])
    return _bytes(book)


def template_sheet(kind: str, places: Sequence[str], donations: Sequence[tuple[str, str]]) -> bytes:
    """Headings with a line of hints below them, and a second sheet with what may stand in the columns. Headings are what
    the reader looks for, so they stay Chinese in every language."""
    book = Workbook()
    page = book.active
    assert isinstance(page, Worksheet)
    page.title = "填在这里"
    for index, column in enumerate(COLUMNS[kind], 1):
        _head(page, index, column)
    page.freeze_panes = "A3"
    offered = book.create_sheet("可以填的")
    lists = {"place": places}
    if donations:
        lists |= {"donor": [donor for donor, _what in donations], "what": [what for _donor, what in donations]}
    for index, name in enumerate(lists, 1):
        for column in (one for one in COLUMNS[kind] if one.name == name):
            _offer(page, offered, kind, index, column, lists[name])
    return _bytes(book)


def _head(page: Worksheet, index: int, column: Column) -> None:
    letter = get_column_letter(index)
    page.column_dimensions[letter].width = column.width
    head = page.cell(1, index, f"{column.title}{'*' if column.needed else ''}")
    head.font = Font(bold=True)
    hint = page.cell(2, index, column.hint)
    hint.font, hint.alignment = Font(color="808080", size=9), Alignment(wrap_text=True, vertical="top")
    if column.title in _ADVICE:
        for row in range(3, 203):
            page.cell(row, index).number_format = "@"


def _offer(page: Worksheet, offered: Worksheet, kind: str, index: int, column: Column, words: Sequence[str]) -> None:
    """A list to choose from; other words are let through, and refused with their reason when the file comes."""
    letter = get_column_letter(index)
    offered.column_dimensions[letter].width = 28
    offered.cell(1, index, column.title).font = Font(bold=True)
    for row, word in enumerate(dict.fromkeys(words), 2):
        offered.cell(row, index, safe_cell(word)).data_type = "s"
    if not words:
        return
    target = get_column_letter(next(n for n, one in enumerate(COLUMNS[kind], 1) if one.name == column.name))
    last = 1 + len(dict.fromkeys(words))
    rule = DataValidation("list", formula1=f"'可以填的'!${letter}$2:${letter}${last}", allow_blank=True)
    rule.showErrorMessage = False
    rule.add(f"{target}3:{target}{MOST_ROWS + 2}")
    page.add_data_validation(rule)


def _bytes(book: Workbook) -> bytes:
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def _shown(count: int | None, sheet: Sheet) -> int | str:
    return _("少于 %(n)s 或不单列") % {"n": sheet.smallest} if count is None else count


def _safe(cell: object) -> object:
    return safe_cell(cell) if isinstance(cell, str) else cell
