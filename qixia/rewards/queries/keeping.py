"""The catalogue as administrators keep it: one line an item, found by filters, cut by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, F, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from qixia.kernel import clock
from qixia.rewards import states
from qixia.rewards.models import Item, Slot, Voucher
from qixia.rewards.queries.catalogue import drawing_of, photo_of
from qixia.rewards.queries.lines import line_counts
from qixia.ui.paging import Page

PAGE = 30
SHOWN = ("on", "out", "off")


@dataclass(frozen=True, slots=True)
class StockLine:
    """One item as an administrator sees it. `free_places` of the coming two weeks, None for what needs no time."""

    public_id: str
    name: str
    kind_label: str
    merchant: str
    price: int
    stock: int
    waiting: int
    used: int
    in_line: int
    kept: int
    free_places: int | None
    active: bool
    picture: str
    photo: str
    for_some: bool

    @property
    def is_out(self) -> bool:
        return self.stock == 0 or self.free_places == 0


@dataclass(frozen=True, slots=True)
class StockWish:
    """What the list is filtered by; `shown`: on, out or off."""

    words: str = ""
    kind: str = ""
    merchant: int | None = None
    shown: str = ""


def stock_page(wish: StockWish, *, after: str = "", size: int = PAGE) -> Page[StockLine]:
    """A page of the catalogue in its own order. Four queries."""
    rows = _found(wish)
    order, _dot, pk = after.partition(".")
    if order.isdigit() and pk.isdigit() and len(after) < 30:
        rows = rows.filter(Q(order__gt=int(order)) | Q(order=int(order), pk__gt=int(pk)))
    found = list(rows.select_related("merchant", "photo").order_by("order", "pk")[: size + 1])
    items = found[:size]
    last = items[-1] if len(found) > size else None
    return Page(_lines(items), after=f"{last.order}.{last.pk}" if last else None)


def _found(wish: StockWish) -> QuerySet[Item]:
    rows = Item.objects.all()
    if wish.words:
        rows = rows.filter(Q(name__icontains=wish.words) | Q(merchant__name__icontains=wish.words))
    if wish.kind:
        rows = rows.filter(kind=wish.kind)
    if wish.merchant is not None:
        rows = rows.filter(merchant_id=wish.merchant)
    narrowed = {"on": Q(active=True), "out": Q(active=True, stock=0), "off": Q(active=False)}
    return rows.filter(narrowed[wish.shown]) if wish.shown in narrowed else rows


def _lines(items: Sequence[Item]) -> list[StockLine]:
    ids = [item.pk for item in items]
    out, lines, places = _vouchers(ids), line_counts(ids), _free_places(items)
    return [
        StockLine(
            public_id=item.public_id,
            name=item.name,
            kind_label=item.get_kind_display(),
            merchant=item.merchant.name,
            price=item.price,
            stock=item.stock,
            waiting=out.get(item.pk, (0, 0))[0],
            used=out.get(item.pk, (0, 0))[1],
            in_line=lines.get(item.pk, (0, 0))[0],
            kept=lines.get(item.pk, (0, 0))[1],
            free_places=places.get(item.pk, 0) if item.has_slots else None,
            active=item.active,
            picture=drawing_of(item),
            photo=photo_of(item),
            for_some=bool(item.eligibility),
        )
        for item in items
    ]


def _vouchers(item_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Item → (vouchers that wait to be used, used ones)."""
    rows = Voucher.objects.filter(item_id__in=item_ids).order_by().values_list("item_id")
    counted = rows.annotate(
        waiting=Count("id", filter=Q(state__in=states.USABLE)), used=Count("id", filter=Q(state=states.REDEEMED))
    )
    return {item: (waiting, used) for item, waiting, used in counted}


def _free_places(items: Sequence[Item]) -> dict[int, int]:
    booked = [item.pk for item in items if item.has_slots]
    if not booked:
        return {}
    now = clock.now()
    coming = Slot.objects.filter(
        item_id__in=booked, closed_at=None, starts_at__gt=now, starts_at__lt=now + timedelta(days=14)
    )
    return dict(coming.order_by().values_list("item_id").annotate(free=Sum(F("capacity") - F("taken"))))


def item_for_edit(public_id: str) -> Item | None:
    return Item.objects.select_related("merchant", "photo").filter(public_id=public_id).first()


@dataclass(frozen=True, slots=True)
class PictureState:
    """What riders see of an item. `note` says why it is not the photo that was given, if it is not."""

    photo: str
    drawing: str
    has_photo: bool
    note: str


def picture_state(item: Item) -> PictureState:
    photo = item.photo
    notes = {"pending": _("照片正在处理，处理好就会换上。"), "held": _("照片里可能有人脸或车牌，看过以后才会换上。")}
    note = "" if photo is None or photo.state == "ready" else notes.get(photo.state, _("照片打不开，换一张吧。"))
    return PictureState(photo_of(item), drawing_of(item), photo is not None, note)
