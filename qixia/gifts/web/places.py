"""One place of the desk: its name, address, hours; what lies there, and what somebody counted."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from qixia.gifts import access, queries, services
from qixia.gifts.web.forms import PlaceEdit
from qixia.gifts.web.shared import number, tried
from qixia.kernel.errors import DomainError
from qixia.kernel.ids import new_public_id
from qixia.ui.access import allow
from qixia.ui.errors import message_of


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*access.DESK)
def place(request: HttpRequest, public_id: str) -> HttpResponse:
    """What is written of a place; on POST, anew."""
    page = queries.place_page(request.actor, public_id)
    form = PlaceEdit(request.POST or None, initial=_initial(page))
    if request.method == "POST" and tried(form, lambda: _change(request, form, public_id)):
        messages.success(request, _("改好了。"))
        return _to(public_id)
    return _page(request, page, form, status=422 if request.method == "POST" else 200)


@require_POST
@allow(*access.ORGANISERS)
def count(request: HttpRequest, public_id: str) -> HttpResponse:
    """Somebody counted what lies there."""
    post = request.POST
    try:
        services.correct(
            actor=request.actor,
            donation=post.get("donation", "")[:26],
            place=public_id,
            lies=number(request, "lies"),
            counted=number(request, "counted"),
            key=post.get("key", "")[:40],
            reason=post.get("reason", "")[:400],
        )
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        page = queries.place_page(request.actor, public_id)
        return _page(request, page, PlaceEdit(initial=_initial(page)), refusal, refusal.status)
    messages.success(request, _("记好了，理由留在进出记录里。"))
    return _to(public_id)


def _initial(page: queries.PlacePage) -> dict[str, object]:
    row = page.row
    said = {name: getattr(row, name) for name in ("name", "kind", "address", "lat", "lng", "is_active")}
    return said | {"opening": page.opening, "organisation": page.organisation}


def _change(request: HttpRequest, form: PlaceEdit, public_id: str) -> None:
    services.set_place(
        actor=request.actor, form=form.as_form(), place=public_id, is_active=form.cleaned_data["is_active"]
    )


def _page(
    request: HttpRequest,
    page: queries.PlacePage,
    form: PlaceEdit,
    refusal: DomainError | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "page": page,
        "form": form,
        "key": new_public_id(),
        "error": message_of(refusal) if refusal else "",
        "wrong": request.POST.get("donation", ""),
        "said": request.POST,
    }
    return render(request, "gifts/desk/place.html", context, status=status)


def _to(public_id: str) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("gifts:place", args=[public_id]), status=303)
