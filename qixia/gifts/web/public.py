"""Pages for everybody: a donor's balance sheet, and a draw that anybody can check. No person is in them."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from qixia.gifts import queries
from qixia.gifts.web.workbooks import XLSX, donor_sheet
from qixia.ui.access import allow


@require_safe
@allow("anyone")
def donor(request: HttpRequest, public_id: str) -> HttpResponse:
    return render(request, "gifts/donor.html", {"sheet": queries.sheet_of(public_id)})


@require_safe
@allow("anyone")
def donor_file(request: HttpRequest, public_id: str) -> HttpResponse:
    """The same numbers as on the page, as Excel."""
    answer = HttpResponse(donor_sheet(queries.sheet_of(public_id)), content_type=XLSX)
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
