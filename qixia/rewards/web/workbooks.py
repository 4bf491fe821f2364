"""Excel files (.xlsx): one merchant's statement with its lines, a month over all merchants, and postings.

Memory   rows are written one at a time into a temporary file (openpyxl's write-only mode), which the answer then streams.
Safety   text is written as text: what begins like a formula is shown and never worked out, control characters are left out.
Units    元 with two places as numbers, so that they can be summed; dates and times as the city's clock shows them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from tempfile import TemporaryFile
from typing import Any

from django.http import FileResponse
from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from qixia.kernel import clock
from qixia.rewards import rules
from qixia.rewards.queries.books import SHEET, PostingLine
from qixia.rewards.queries.statements import LineView, StatementView

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_LINE_WIDTHS = (12, 10, 12, 24, 10, 10, 10, 12, 12, 8, 8, 12, 40)
_POSTING_WIDTHS = (10, 18, 12, 12, 18, 18, 8, 46, 24, 12, 12, 12, 12, 14, 12)
_MONTH_WIDTHS = (16, 28, 10, 10, 10, 14, 14, 14, 14, 14, 14, 14, 24)


def yuan(fen: int | None) -> Decimal | None:
    return None if fen is None else Decimal(fen) / 100


def statement_sheet(view: StatementView, lines: Iterable[LineView]) -> FileResponse:
    """One merchant's month: sums on top, then every line."""
    top = _sums(view)
    rows = [*top, [], _line_heads()]
    name = f"statement-{view.row.number}.xlsx"
    return _answer(name, _("对账单"), _LINE_WIDTHS, rows, (_line(one) for one in lines), bold=(1, len(rows)))


def month_sheet(month: date, statements: Iterable[dict[str, Any]]) -> FileResponse:
    """A month over all merchants, one a row."""
    heads = [
        _("编号"),
        _("商家"),
        _("状态"),
        _("笔数"),
        _("积分"),
        _("合计（元）"),
        _("其中离线损失"),
        _("其中更正"),
        _("上期结转"),
        _("应付（元）"),
        _("结转下期"),
        _("付款日期"),
        _("银行流水号"),
    ]
    return _answer(
        f"statements-{month:%Y%m}.xlsx", f"{month:%Y-%m}", _MONTH_WIDTHS, [heads], _month(statements), bold=(1,)
    )


def _month(statements: Iterable[dict[str, Any]]) -> Iterator[list[Any]]:
    for one in statements:
        yield [
            one["number"],
            one["shop"],
            one["state"],
            one["uses"],
            one["points"],
            *(
                yuan(one[name])
                for name in ("fen", "lost_fen", "corrected_fen", "brought_fen", "due_fen", "carried_fen")
            ),
            one["paid_on"],
            one["bank_ref"],
        ]


def postings_sheet(lines: Iterable[PostingLine]) -> FileResponse:
    """Postings of a list, one a row; whom points for a report went to is not among them."""
    note = [_("最新的在前，一个文件最多 %(n)s 笔") % {"n": f"{SHEET:,}"}]
    heads = [
        _("第几笔"),
        _("行为的时间"),
        _("算在哪天"),
        _("种类"),
        _("行为"),
        _("规则"),
        _("规则版本"),
        _("来源"),
        _("谁"),
        _("积分"),
        _("应得"),
        _("待给"),
        _("走账积分"),
        _("走账（元）"),
        _("封存位置"),
    ]
    name = f"postings-{clock.city_date(clock.now()):%Y%m%d}.xlsx"
    return _answer(name, _("记账"), _POSTING_WIDTHS, [note, heads], (_posting(one) for one in lines), bold=(2,))


def _posting(one: PostingLine) -> list[Any]:
    in_fen = one.unit == rules.FEN
    own = [yuan(value) if in_fen else value for value in (one.points, one.nominal, one.promised)]
    return [
        one.id,
        f"{clock.city_time(one.at):%Y-%m-%d %H:%M}",
        one.day,
        one.label,
        one.act,
        one.rule,
        one.version or None,
        one.source,
        one.whom,
        *own,
        one.moved.get(rules.POINTS),
        yuan(one.moved.get(rules.FEN)),
        one.position,
    ]


def _sums(view: StatementView) -> list[list[Any]]:
    row = view.row
    return [
        [_("商家对账单"), row.number],
        [_("商家"), row.shop],
        [_("月份"), f"{row.month:%Y-%m}"],
        [_("状态"), row.label],
        [_("用券笔数"), row.uses],
        [_("其中迟到"), row.late],
        [_("积分"), row.points],
        [_("本期合计（元）"), yuan(row.fen)],
        [_("上期结转（元）"), yuan(view.brought_fen)],
        [_("应付（元）"), yuan(row.due_fen)],
        [_("结转下期（元）"), yuan(row.carried_fen)],
    ]


def _line_heads() -> list[str]:
    return [
        _("日期"),
        _("时间"),
        _("种类"),
        _("项目"),
        _("券尾号"),
        _("次数或金额"),
        _("积分"),
        _("面值（元）"),
        _("结算（元）"),
        _("离线"),
        _("迟到"),
        _("谁承担"),
        _("说明"),
    ]


def _line(one: LineView) -> list[Any]:
    moment = clock.city_time(one.taken_at)
    yes = _("是")
    return [
        one.day,
        f"{moment:%H:%M}",
        one.label,
        one.title,
        one.tail,
        one.amount,
        one.points,
        yuan(one.face_fen),
        yuan(one.fen),
        yes if one.offline else "",
        yes if one.late else "",
        one.borne,
        one.note,
    ]


def _answer(
    name: str,
    title: str,
    widths: Iterable[int],
    top: list[list[Any]],
    rows: Iterable[list[Any]],
    *,
    bold: tuple[int, ...],
) -> FileResponse:
    book = Workbook(write_only=True)
    page = book.create_sheet(title)
    page.freeze_panes = f"A{len(top) + 1}"
    for column, width in enumerate(widths, 1):
        page.column_dimensions[get_column_letter(column)].width = width
    for number, values in enumerate(top, 1):
        page.append([_cell(page, value, bold=number in bold) for value in values])
    for values in rows:
        page.append([_cell(page, value) for value in values])
    file = TemporaryFile()  # noqa: SIM115 — the answer closes it
    book.save(file)
    file.seek(0)
    answer = FileResponse(file, as_attachment=True, filename=name, content_type=XLSX)
    answer["Cache-Control"] = "no-store"
    return answer


def _cell(page: Any, value: Any, *, bold: bool = False) -> WriteOnlyCell:
    if isinstance(value, str):
        value = ILLEGAL_CHARACTERS_RE.sub("", value)
    cell = WriteOnlyCell(page, value=value)
    if isinstance(value, str):
        cell.data_type = "s"
        cell.quotePrefix = value.startswith(_FORMULA)
    elif isinstance(value, Decimal):
        cell.number_format = "#,##0.00"
    elif isinstance(value, datetime | date):
        cell.number_format = "yyyy-mm-dd"
    elif isinstance(value, int):
        cell.number_format = "#,##0"
    if bold:
        cell.font = Font(bold=True)
    return cell
