"""Lists from paper: a template to fill in, a file to bring, each row to look at, and then noted or thrown away."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from qixia.gifts import access, errors, queries, services, states
from qixia.gifts.rules.papers import MOST_ROWS
from qixia.gifts.web.shared import number
from qixia.gifts.web.workbooks import XLSX, template_sheet
from qixia.kernel.errors import DomainError, Invalid
from qixia.reports.importing.sheets import write_excel
from qixia.ui.access import allow
from qixia.ui.errors import message_of


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@allow(*access.ORGANISERS)
def papers(request: HttpRequest, public_id: str) -> HttpResponse:
    """Templates, and what was brought in before; on POST a file."""
    refusal: DomainError | None = None
    kind = request.POST.get("kind", "")
    if request.method == "POST":
        try:
            done = services.bring_in(actor=request.actor, campaign=public_id, kind=kind, file=request.FILES.get("file"))
        except DomainError as error:
            if error.status in (401, 403, 404):
                raise
            refusal = error
        else:
            if done.repeated:
                messages.info(request, _("这个文件已经导入过，这是上次的那一份。"))
            return _to("paper", public_id, done.public_id)
    row, before = queries.papers_of(request.actor, public_id)
    context = {
        "row": row,
        "before": before,
        "wrong": kind,
        "error": message_of(refusal) if refusal else "",
        "most": MOST_ROWS,
        "may": row.state != states.ENDED,
    }
    return render(request, "gifts/desk/papers.html", context, status=refusal.status if refusal else 200)


@require_safe
@allow(*access.ORGANISERS)
def template(request: HttpRequest, public_id: str, kind: str) -> HttpResponse:
    """The empty list to fill in, with the places and donors of this campaign."""
    if kind not in states.PAPERS:
        raise errors.NoSuchThing
    row, _before = queries.papers_of(request.actor, public_id)
    places, donations = queries.choices_of(row)
    return _excel(template_sheet(kind, places, donations), f"{kind}-{public_id[:8]}")


@never_cache
@require_safe
@allow(*access.ORGANISERS)
def paper(request: HttpRequest, public_id: str, paper: str) -> HttpResponse:
    return _paper(request, public_id, paper)


@require_POST
@allow(*access.ORGANISERS)
def paper_do(request: HttpRequest, public_id: str, paper: str) -> HttpResponse:
    """Note what is good, or throw the list away."""
    about = {"actor": request.actor, "campaign": public_id, "paper": paper}
    acts: dict[str, Callable[[], object]] = {
        "note": lambda: services.note_paper(**about, good=number(request, "good")),
        "drop": lambda: services.drop_paper(**about),
    }
    act = request.POST.get("act", "")
    try:
        acts.get(act, _unknown)()
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        return _paper(request, public_id, paper, refusal)
    if act == "drop":
        messages.success(request, _("删掉了，什么都没有记。"))
        return _to("papers", public_id)
    messages.success(request, _("记好了。"))
    return _to("paper", public_id, paper)


@never_cache
@require_safe
@allow(*access.ORGANISERS)
def faults(request: HttpRequest, public_id: str, paper: str) -> HttpResponse:
    """What is wrong, by line and column; nothing in it is a formula."""
    found = queries.faults_of(request.actor, public_id, paper)
    rows = [(line, column, said, message_of(why)) for line, column, said, why in found]
    headings = [_("第几行"), _("哪一列"), _("写的是"), _("为什么")]
    return _excel(write_excel(headings, rows, _("要改的")), f"faults-{paper[:8]}")


def _paper(request: HttpRequest, public_id: str, paper: str, refusal: DomainError | None = None) -> HttpResponse:
    only = request.GET.get("only", "")
    row, view = queries.paper_of(request.actor, public_id, paper, only, request.GET.get("after", ""))
    rows = [(one, [(title, message_of(why)) for title, why in one.why]) for one in view.rows.items]
    context = {
        "row": row,
        "view": view,
        "rows": rows,
        "only": only,
        "error": message_of(refusal) if refusal else "",
    }
    return render(request, "gifts/desk/paper.html", context, status=refusal.status if refusal else 200)


def _excel(content: bytes, name: str) -> HttpResponse:
    answer = HttpResponse(content, content_type=XLSX)
    answer["Content-Disposition"] = f'attachment; filename="{name}.xlsx"'
    return answer


def _to(name: str, *args: str) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse(f"gifts:{name}", args=args), status=303)


def _unknown() -> None:
    raise Invalid("没有这样的办法。", field="act")
