"""Pages for everybody: a donor's balance sheet, and a draw that anybody can check. No person is in them."""

from __future__ import annotations

from io import BytesIO

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from openpyxl import Workbook

from qixia.gifts import queries
from qixia.gifts.queries.sheets import Sheet
from qixia.ui.access import allow

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_COLUMNS = ("活动", "捐了什么", "份数", "价值（元）", "日期", "已发", "在库", "破损", "退还", "未到")


@require_safe
@allow("anyone")
def donor(request: HttpRequest, public_id: str) -> HttpResponse:
    return render(request, "gifts/donor.html", {"sheet": queries.sheet_of(public_id)})


@require_safe
@allow("anyone")
def donor_file(request: HttpRequest, public_id: str) -> HttpResponse:
    """The same numbers as on the page, as Excel."""
    answer = HttpResponse(_workbook(queries.sheet_of(public_id)), content_type=XLSX)
    answer["Content-Disposition"] = f'attachment; filename="donor-{public_id[:8]}.xlsx"'
    return answer


@require_safe
@allow("anyone")
def draw(request: HttpRequest, public_id: str) -> HttpResponse:
    return render(request, "gifts/draw.html", {"page": queries.check_of(public_id)})


@require_safe
@allow("anyone")
def draw_file(request: HttpRequest, public_id: str) -> StreamingHttpResponse:
    """The list with results, in pieces: a million lines cost no more memory than one page of them."""
    answer = StreamingHttpResponse(queries.file_lines(public_id), content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="draw-{public_id[:8]}.txt"'
    return answer


def _workbook(sheet: Sheet) -> bytes:
    book = Workbook(write_only=True)
    page = book.create_sheet(_("捐赠"))
    page.append([_(name) for name in _COLUMNS])
    for one in sheet.donations:
        row = [one.campaign, one.what, one.count, one.value_fen / 100, one.given_on, _shown(one.handed, sheet)]
        page.append([_safe(cell) for cell in [*row, one.left, one.broken, one.returned, one.waiting]])
    for title, name in (("发放点", "by_place"), ("月份", "by_month")):
        page = book.create_sheet(_(title))
        page.append([_("活动"), _(title), _("已发")])
        for one in sheet.donations:
            for line in getattr(one, name):
                page.append([_safe(one.campaign), _safe(line.name), _shown(line.count, sheet)])
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def _shown(count: int | None, sheet: Sheet) -> int | str:
    return _("少于 %(n)s 或不单列") % {"n": sheet.smallest} if count is None else count


def _safe(cell: object) -> object:
    """Text that a spreadsheet would take for a formula stays text."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in "=+-@" else cell
