"""The catalogue: what points buy. Written by administrators.

Stock is changed by a difference and never set: while somebody has the form open, riders go on redeeming. What is added
goes to who waits first.
Errors   Invalid names the field; Stale when another administrator saved meanwhile; media's refusals of photos. Nothing
         has changed then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pydantic
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F

from qixia.audit.services import Act, record, record_many
from qixia.codes.queries import divisions_by_code
from qixia.kernel import hours
from qixia.kernel.errors import Invalid, Stale
from qixia.media.services import Upload, destroy_originals, keep, receive
from qixia.people.access import Actor
from qixia.people.queries import organisations
from qixia.rewards.access import must_keep_catalogue
from qixia.rewards.eligibility import Eligibility
from qixia.rewards.errors import NoSuchItem
from qixia.rewards.models import Item
from qixia.rewards.services.redemption import waiting


@dataclass(frozen=True, slots=True)
class ItemForm:
    """What the form of an item holds. Money in 分; `windows` as people type hours; `eligibility` as eligibility.py has
    it."""

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
    parts: int = 1
    by_amount: bool = False
    windows: str = ""
    has_slots: bool = False
    where: str = ""
    percent_off: int | None = None
    least_fen: int | None = None
    settle_fen: int | None = None
    eligibility: Mapping[str, Any] | None = None


@transaction.atomic
def save_item(
    *, actor: Actor, form: ItemForm, stock_change: int = 0, item: str | None = None, revision: int | None = None
) -> Item:
    """Make a new item, or change `item` (public id) that was read at `revision`."""
    must_keep_catalogue(actor)
    if form.merchant_id not in {shop.id for shop in organisations("merchant")}:
        raise Invalid("请选择一家商家。", field="merchant")
    _check_kind(form)
    row = _new(form, stock_change) if item is None else _changed(form, stock_change, item, revision)
    record(
        "rewards.item_saved",
        subject=f"item:{row.public_id}",
        actor=actor.ref,
        price=row.price,
        stock_change=stock_change,
        active=row.active,
    )
    waiting.offer_item(row.pk)
    row.refresh_from_db(fields=["stock"])
    return row


def _check_kind(form: ItemForm) -> None:
    """What each kind cannot do without."""
    if form.kind == Item.Kind.PRIVILEGE and not form.windows.strip():
        raise Invalid("优先类要写可用时段，例如：每天 22:00-6:00。", field="windows")
    if form.kind == Item.Kind.DISCOUNT and not (form.percent_off or form.face_value_fen):
        raise Invalid("折扣要写优惠百分之几，或者面值。", field="percent_off")
    if form.kind == Item.Kind.GOODS and not form.where.strip():
        raise Invalid("实物要写到哪儿领，例如：收银台。", field="where")
    if form.has_slots and (form.by_amount or form.parts != 1):
        raise Invalid("要约时间的，一张券用一次。", field="has_slots")


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
    had_slots = row.has_slots
    _check(Item(**_fields(form), stock=row.stock, pk=row.pk, public_id=row.public_id))
    same = Item.objects.filter(pk=row.pk, revision=revision or 0)
    if not same.exists():
        raise Stale("另一位管理员刚刚改过这件兑换品，请刷新后再改。")
    if not same.filter(stock__gte=-stock_change).update(
        **_fields(form), stock=F("stock") + stock_change, revision=F("revision") + 1
    ):
        raise Invalid("库存不够减：现在只剩 %(stock)s 份。", field="stock_change", stock=row.stock)
    row.refresh_from_db()
    if row.has_slots != had_slots:
        waiting.end_other_lines(row)
    return row


def _fields(form: ItemForm) -> dict[str, object]:
    found = {name: getattr(form, name) for name in ItemForm.__dataclass_fields__}
    windows = form.windows.strip()
    return found | {
        "windows": hours.parse(windows, field="windows") if windows else "",
        "where": form.where.strip(),
        "eligibility": _eligibility(form.eligibility),
    }


def _eligibility(typed: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """As it is kept: only what asks for something. Invalid where it makes no sense or names no place."""
    try:
        rule = Eligibility.model_validate(typed or {})
    except pydantic.ValidationError as error:
        raise Invalid("“谁能换”没写全：得分和天数要一起写，都是正整数。", field="earned_points") from error
    if rule.is_open:
        return None
    unknown = set(rule.divisions) - set(divisions_by_code(rule.divisions))
    if unknown:
        raise Invalid("没有这个地方：%(codes)s。", field="divisions", codes="、".join(sorted(unknown)))
    return rule.model_dump(mode="json", exclude_defaults=True)


def _check(row: Item) -> None:
    """The model's own limits as Invalid, naming the first field that is wrong."""
    try:
        row.clean_fields(exclude=["merchant"])
        row.validate_constraints(exclude=["merchant"])
    except ValidationError as error:
        name, messages = next(iter(error.message_dict.items()))
        label = getattr(Item._meta.get_field(name), "verbose_name", "") if name in ItemForm.__dataclass_fields__ else ""
        raise Invalid("%(label)s：%(why)s", field=name, label=str(label), why=messages[0]) from error


@transaction.atomic
def show_items(*, actor: Actor, items: Sequence[str], active: bool) -> int:
    """Put many items on offer at once, or take them down. Returns how many changed; the others were so already."""
    must_keep_catalogue(actor)
    rows = list(Item.objects.filter(public_id__in=items).exclude(active=active).order_by("pk"))
    Item.objects.filter(pk__in=[row.pk for row in rows]).update(active=active, revision=F("revision") + 1)
    record_many(Act("rewards.item_shown", f"item:{row.public_id}", actor.ref, {"active": active}) for row in rows)
    for row in rows if active else ():
        waiting.offer_item(row.pk)
    return len(rows)


def set_photo(*, actor: Actor, item: str, photo: Upload, alt: str) -> Item:
    """Show a photo instead of the drawing, once its copies are made; `alt` says what is on it. Opens its own transaction
    once the file is durable."""
    must_keep_catalogue(actor)
    row = _item(item)
    words = " ".join(alt.split())
    if not 2 <= len(words) <= 60:
        raise Invalid("请写照片上是什么，2 到 60 个字，看不见照片的人靠它。", field="photo_alt")
    with receive([photo], field="photo") as received, transaction.atomic():
        before = row.photo.public_id if row.photo else ""
        (kept,) = keep(received, owner_ref=f"item:{row.public_id}")
        Item.objects.filter(pk=row.pk).update(photo=kept, photo_alt=words)
        record("rewards.item_photo_set", subject=f"item:{row.public_id}", actor=actor.ref, photo=kept.public_id)
        _let_go(before, actor)
    row.refresh_from_db()
    return row


@transaction.atomic
def drop_photo(*, actor: Actor, item: str) -> Item:
    """Back to the drawing; the photo is destroyed. Without a photo nothing changes."""
    must_keep_catalogue(actor)
    row = _item(item)
    if row.photo is None:
        return row
    before = row.photo.public_id
    Item.objects.filter(pk=row.pk).update(photo=None, photo_alt="")
    record("rewards.item_photo_dropped", subject=f"item:{row.public_id}", actor=actor.ref)
    _let_go(before, actor)
    row.refresh_from_db()
    return row


def _let_go(photo: str, actor: Actor) -> None:
    if photo:
        destroy_originals([photo], actor=actor.ref, reason="replaced", copies=True)


def _item(public_id: str) -> Item:
    row = Item.objects.select_related("photo").filter(public_id=public_id).first()
    if row is None:
        raise NoSuchItem
    return row
