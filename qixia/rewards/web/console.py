"""The administrator's catalogue: the list with what is left, the form behind each line, photos, and who waits."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from qixia.kernel.errors import DomainError
from qixia.people.queries import organisations
from qixia.rewards import queries, services
from qixia.rewards.errors import NoSuchItem
from qixia.rewards.models import Item
from qixia.rewards.web.forms import ItemFields, PhotoFields
from qixia.ui.access import allow
from qixia.ui.errors import message_of

SHOWN = [
    ("", gettext_lazy("全部")),
    ("on", gettext_lazy("在架")),
    ("out", gettext_lazy("换完了")),
    ("off", gettext_lazy("已下架")),
]
MOST_AT_ONCE = 200


@allow("admin")
@require_safe
def stock(request: HttpRequest) -> HttpResponse:
    wish = _wish(request.GET)
    context = {
        "page": queries.stock_page(wish, after=request.GET.get("after", "")),
        "wish": wish,
        "shown": SHOWN,
        "kinds": Item.Kind.choices,
        "shops": [(shop.id, shop.name) for shop in organisations("merchant")],
        "here": request.get_full_path(),
    }
    return render(request, "rewards/desk/stock.html", context)


def _wish(asked: QueryDict) -> queries.StockWish:
    shop, kind = asked.get("shop", ""), asked.get("kind", "")
    return queries.StockWish(
        words=" ".join(asked.get("q", "").split())[:30],
        kind=kind if kind in Item.Kind.values else "",
        merchant=int(shop) if shop.isascii() and shop.isdigit() and len(shop) < 12 else None,
        shown=asked.get("shown", ""),
    )


@allow("admin")
@require_POST
def show_many(request: HttpRequest) -> HttpResponse:
    """Put the ticked items on offer, or take them down."""
    active = request.POST.get("act") == "show"
    count = services.show_items(actor=request.actor, items=request.POST.getlist("item")[:MOST_AT_ONCE], active=active)
    words = (
        ngettext("%(n)s 件上架了", "%(n)s 件上架了", count)
        if active
        else ngettext("%(n)s 件下架了，已换的券照样能用", "%(n)s 件下架了，已换的券照样能用", count)
    )
    messages.success(request, words % {"n": count} if count else _("没有要改的：选中的已经是这样了。"))
    return HttpResponseRedirect(_back(request), status=303)


def _back(request: HttpRequest) -> str:
    """To the same filters; only to this page."""
    here = reverse("rewards:stock")
    back = request.POST.get("back", "")
    return back if back.split("?")[0] == here and "\\" not in back else here


@allow("admin")
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, public_id: str | None = None) -> HttpResponse:
    item = _item(public_id) if public_id else None
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
                form.add_error(_field_of(form, error), message_of(error))
                status = error.status
            else:
                messages.success(request, _("已保存：%(name)s") % {"name": saved.name})
                needs_times = saved.has_slots and not (item and item.has_slots)
                next_page = (
                    reverse("rewards:slots", args=[saved.public_id]) if needs_times else reverse("rewards:stock")
                )
                return HttpResponseRedirect(next_page)
    return _edit_page(request, item, form, PhotoFields(), status)


def _field_of(form: ItemFields, error: DomainError) -> str | None:
    """The service's name of a field, as the form has it."""
    name = {"merchant": "merchant_id", "face_value_fen": "value", "least_fen": "least"}.get(
        error.field or "", error.field
    )
    return name if name in form.fields else None


def _edit_page(
    request: HttpRequest, item: Item | None, form: ItemFields, photo: PhotoFields, status: int
) -> HttpResponse:
    context = {"form": form, "item": item, "photo_form": photo, "shows": queries.picture_state(item) if item else None}
    return render(request, "rewards/desk/item.html", context, status=status)


def _item(public_id: str) -> Item:
    item = queries.item_for_edit(public_id)
    if item is None:
        raise NoSuchItem
    return item


@allow("admin")
@require_POST
def photo(request: HttpRequest, public_id: str) -> HttpResponse:
    """Set the photo, or let go of it."""
    item = _item(public_id)
    here = reverse("rewards:item-edit", args=[public_id])
    if request.POST.get("act") == "drop":
        services.drop_photo(actor=request.actor, item=public_id)
        messages.success(request, _("照片拿掉了，现在用图画。"))
        return HttpResponseRedirect(here, status=303)
    form = PhotoFields(request.POST, request.FILES)
    status = 422
    if form.is_valid():
        data = form.cleaned_data
        try:
            services.set_photo(actor=request.actor, item=public_id, photo=data["photo"], alt=data["photo_alt"])
        except DomainError as error:
            form.add_error(error.field if error.field in form.fields else None, message_of(error))
            status = error.status
        else:
            messages.success(request, _("照片收下了，处理好就会换上。"))
            return HttpResponseRedirect(here, status=303)
    return _edit_page(request, item, ItemFields(None, item=item), form, status)


@allow("admin")
@require_safe
def line(request: HttpRequest, public_id: str) -> HttpResponse:
    """Who waits for an item, without names."""
    item = _item(public_id)
    after = request.GET.get("after", "")
    key = int(after) if after.isascii() and after.isdigit() and len(after) < 19 else None
    context = {"item": item, "page": queries.line_page(item.pk, after=key), "terms": queries.booking_terms()}
    return render(request, "rewards/desk/line.html", context)
