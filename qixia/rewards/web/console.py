"""The administrator's catalogue: what is on offer, what is left, and the form behind each line."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from qixia.kernel.errors import DomainError
from qixia.rewards import queries, services
from qixia.rewards.errors import NoSuchItem
from qixia.rewards.web.forms import ItemFields
from qixia.ui.access import allow
from qixia.ui.errors import message_of


@allow("admin")
@require_safe
def stock(request: HttpRequest) -> HttpResponse:
    return render(request, "rewards/stock.html", {"lines": queries.stock_lines()})


@allow("admin")
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, public_id: str | None = None) -> HttpResponse:
    item = queries.item_for_edit(public_id) if public_id else None
    if public_id and item is None:
        raise NoSuchItem
    form = ItemFields(request.POST if request.method == "POST" else None, item=item)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                saved = services.save_item(
                    actor=request.actor,
                    form=form.as_item(),
                    stock_change=form.cleaned_data["stock_change"],
                    item=public_id,
                    revision=form.cleaned_data["revision"],
                )
            except DomainError as error:
                form.add_error(error.field if error.field in form.fields else None, message_of(error))
                status = error.status
            else:
                messages.success(request, _("已保存：%(name)s") % {"name": saved.name})
                return HttpResponseRedirect(reverse("rewards:stock"))
    return render(request, "rewards/item_edit.html", {"form": form, "item": item}, status=status)
