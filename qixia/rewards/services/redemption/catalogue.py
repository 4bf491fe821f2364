"""The catalogue: what points buy. Written by administrators.

Stock is changed by a difference and never set: while somebody has the form open, riders go on redeeming.
Errors   Invalid names the field; Stale when another administrator saved meanwhile. Nothing has changed then.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F

from qixia.audit.services import record
from qixia.kernel.errors import Invalid, Stale
from qixia.people.access import Actor
from qixia.people.queries import organisations
from qixia.rewards.access import must_keep_catalogue
from qixia.rewards.errors import NoSuchItem
from qixia.rewards.models import Item


@dataclass(frozen=True, slots=True)
class ItemForm:
    """What the form of an item holds. `face_value_fen` in 分."""

    name: str
    summary: str
    kind: str
    need: str
    price: int
    face_value_fen: int | None
    limit_per_person: int | None
    limit_days: int | None
    merchant_id: int
    valid_days: int
    picture: str
    terms: str
    active: bool
    order: int


@transaction.atomic
def save_item(
    *, actor: Actor, form: ItemForm, stock_change: int = 0, item: str | None = None, revision: int | None = None
) -> Item:
    """Make a new item, or change `item` (public id) that was read at `revision`."""
    must_keep_catalogue(actor)
    if form.merchant_id not in {shop.id for shop in organisations("merchant")}:
        raise Invalid("请选择一家商家。", field="merchant")
    row = _new(form, stock_change) if item is None else _changed(form, stock_change, item, revision)
    record(
        "rewards.item_saved",
        subject=f"item:{row.public_id}",
        actor=actor.ref,
        price=row.price,
        stock_change=stock_change,
        active=row.active,
    )
    return row


def _new(form: ItemForm, stock: int) -> Item:
    if stock < 0:
        raise Invalid("库存不能小于 0。", field="stock_change")
    row = Item(**_fields(form), stock=stock)
    _check(row)
    row.save(force_insert=True)
    return row


def _changed(form: ItemForm, stock_change: int, public_id: str, revision: int | None) -> Item:
    row = Item.objects.filter(public_id=public_id).first()
    if row is None:
        raise NoSuchItem
    _check(Item(**_fields(form), stock=row.stock, pk=row.pk, public_id=row.public_id))
    same = Item.objects.filter(pk=row.pk, revision=revision or 0)
    if not same.exists():
        raise Stale("另一位管理员刚刚改过这件兑换品，请刷新后再改。")
    if not same.filter(stock__gte=-stock_change).update(
        **_fields(form), stock=F("stock") + stock_change, revision=F("revision") + 1
    ):
        raise Invalid("库存不够减：现在只剩 %(stock)s 份。", field="stock_change", stock=row.stock)
    row.refresh_from_db()
    return row


def _fields(form: ItemForm) -> dict[str, object]:
    return {name: getattr(form, name) for name in ItemForm.__dataclass_fields__}


def _check(row: Item) -> None:
    """The model's own limits as Invalid, naming the first field that is wrong."""
    try:
        row.clean_fields(exclude=["merchant"])
        row.validate_constraints(exclude=["merchant"])
    except ValidationError as error:
        name, messages = next(iter(error.message_dict.items()))
        label = getattr(Item._meta.get_field(name), "verbose_name", "") if name in ItemForm.__dataclass_fields__ else ""
        raise Invalid("%(label)s：%(why)s", field=name, label=str(label), why=messages[0]) from error
