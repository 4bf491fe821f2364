"""The filtered list as an Excel file."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from qixia.codes.queries import class_name
from qixia.codes.rules import SEVERITY_LABELS
from qixia.kernel import clock
from qixia.kernel.errors import DomainError, NotFound
from qixia.kernel.ids import show_number
from qixia.reports import services, states
from qixia.reports.access import STAFF_ROLES
from qixia.reports.models import Report
from qixia.reports.queries.listing import LISTS, Filter
from qixia.reports.queries.shared import clock_of
from qixia.ui.access import allow
from qixia.ui.errors import message_of

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_WIDTHS = (14, 24, 8, 14, 36, 16, 20, 17, 17, 17, 17, 14, 8)


@require_POST
@allow(*STAFF_ROLES)
def sheet(request: HttpRequest, name: str) -> HttpResponse:
    """POST, because taking a list out is written down."""
    if name not in LISTS:
        raise NotFound
    wanted = Filter.of(name, QueryDict(request.POST.get("query", "")[:2000]).dict())
    try:
        found = services.export_cases(actor=request.actor, wanted=wanted)
    except DomainError as refusal:
        messages.error(request, message_of(refusal))
        return HttpResponseRedirect(reverse("reports:queue"), status=303)
    now = clock.city_time(clock.now())
    answer = HttpResponse(_workbook(found), content_type=XLSX)
    answer["Content-Disposition"] = f'attachment; filename="cases-{now:%Y%m%d-%H%M}.xlsx"'
    answer["Cache-Control"] = "no-store"
    return answer


def _workbook(reports: list[Report]) -> bytes:
    book = Workbook(write_only=True)
    page = book.create_sheet(_("案件"))
    page.freeze_panes = "A2"
    for column, width in enumerate(_WIDTHS, 1):
        page.column_dimensions[get_column_letter(column)].width = width
    page.append([_cell(page, head, bold=True) for head in _heads()])
    for report in reports:
        page.append([_cell(page, value) for value in _line(report)])
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def _heads() -> list[str]:
    return [
        _("编号"),
        _("事项"),
        _("级别"),
        _("状态"),
        _("地点"),
        _("社区"),
        _("承办单位"),
        _("上报时间"),
        _("首次答复时限"),
        _("首次答复"),
        _("修好时限"),
        _("时钟"),
        _("重开次数"),
    ]


def _line(report: Report) -> list[Any]:
    running = clock_of(report, clock.now())
    return [
        show_number(report.number),
        class_name(report.cls) if report.cls else "",
        _(SEVERITY_LABELS[report.severity]) if report.severity else "",
        _(states.LABELS[report.state].staff),
        report.place,
        report.community.name if report.community else "",
        report.unit.name if report.unit else "",
        _time(report.received_at),
        _time(report.answer_due),
        _time(report.answered_at),
        _time(report.resolve_due),
        running.text if running else "",
        report.reopened,
    ]


def _time(moment: datetime | None) -> datetime | None:
    """As the city's clock shows it; Excel knows no zones."""
    return clock.city_time(moment).replace(tzinfo=None, microsecond=0) if moment else None


def _cell(page: Any, value: Any, *, bold: bool = False) -> WriteOnlyCell:
    cell = WriteOnlyCell(page, value=value)
    if isinstance(value, str):
        cell.data_type = "s"  # a place that begins with "=" is words, never a formula
    elif isinstance(value, datetime):
        cell.number_format = "yyyy-mm-dd hh:mm"
    if bold:
        cell.font = Font(bold=True)
    return cell
