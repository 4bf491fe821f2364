"""Pieces of stock and places of slots: taken and put back by conditional updates, always the item before the slot.

Locks    voucher → purses → item → slot → waiting, everywhere. Whoever takes a kept piece (`waiting.take_offer`) locks the
         own row of the line and neither item nor slot.
Errors   none: a piece that is not there is False.
"""

from __future__ import annotations

from django.db.models import F

from qixia.kernel import clock
from qixia.rewards.models import Item, Slot


def take_piece(item_id: int, slot_id: int | None) -> bool:
    """One piece of the item and, of an item with slots, one place. Nothing has changed when it is False."""
    if not Item.objects.filter(pk=item_id, active=True, stock__gte=1).update(stock=F("stock") - 1):
        return False
    if slot_id is None or take_place(slot_id):
        return True
    Item.objects.filter(pk=item_id).update(stock=F("stock") + 1)
    return False


def give_piece(item_id: int, slot_id: int | None, *, pieces: int = 1) -> None:
    Item.objects.filter(pk=item_id).update(stock=F("stock") + pieces)
    if slot_id is not None:
        give_place(slot_id, places=pieces)


def take_back(item_id: int) -> bool:
    """The piece of a voucher that had come back and was used after all, if one is there. A time has no place any more."""
    return bool(Item.objects.filter(pk=item_id, stock__gte=1).update(stock=F("stock") - 1))


def take_place(slot_id: int) -> bool:
    free = Slot.objects.filter(pk=slot_id, closed_at=None, taken__lt=F("capacity"), starts_at__gt=clock.now())
    return bool(free.update(taken=F("taken") + 1))


def give_place(slot_id: int, *, places: int = 1) -> None:
    """Back to a slot that is still to come; afterwards the count says who had a place."""
    coming = Slot.objects.filter(pk=slot_id, taken__gte=places, starts_at__gt=clock.now())
    coming.update(taken=F("taken") - places)


def lock_item(item_id: int) -> None:
    """For steps that touch a line or two slots without changing the stock. Not so that a new voucher, whose foreign key
    looks at the item, would wait for it: who takes a kept piece holds a row of the line already."""
    Item.objects.select_for_update(no_key=True).only("pk").filter(pk=item_id).first()
