"""Kits come, go from place to place, break, go back. Every change is a Move; sums follow in the same transaction.

Errors   NotEnough when a place has fewer; Conflict when more come than were given; Invalid names the field.
Order    the campaign's lock first, then stock rows in the order of their ids: no two changes wait in a circle.
Retries  the same `key`: the same move, nothing happens twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F, Sum

from qixia.audit.rows import insert_many
from qixia.audit.services import record
from qixia.gifts import access, errors, states
from qixia.gifts.models import Campaign, Donation, Move, Place, Stock
from qixia.gifts.rules import forms
from qixia.kernel.errors import Conflict, Invalid
from qixia.people.access import Actor


@transaction.atomic
def receive(*, actor: Actor, donation: str, place: str, count: int, key: str, note: str = "") -> None:
    """Kits of a donation have come to a place."""
    given, campaign = _given(actor, donation)
    at = access.led_place(actor, place)
    if _was_done(key, given, at, count):
        return
    if campaign.state == states.ENDED:
        raise errors.NotNow(state="已结束")
    forms.amount(count)
    _must_be_inside(campaign, at, "place")
    come = Move.objects.filter(donation=given, kind=states.RECEIVED).aggregate(n=Sum("delta"))["n"] or 0
    if come + count > given.count:
        raise Conflict("这笔捐赠一共 %(all)s 份，已经收到 %(come)s 份。", field="count", all=given.count, come=come)
    if not at.is_active:
        raise Conflict("这个发放点已经停用。", field="place")
    put(campaign, at, given, states.RECEIVED, count, key=key, note=note, by=actor.ref)
    Campaign.objects.filter(pk=campaign.pk).update(usable=F("usable") + count, swept=0)
    record("gifts.received", subject=campaign.ref, actor=actor.ref, donation=donation, place=place, count=count)


@transaction.atomic
def move(*, actor: Actor, donation: str, place: str, to: str, count: int, key: str, note: str = "") -> None:
    """Kits go from one place to another."""
    given, campaign = _given(actor, donation)
    source, target = access.led_place(actor, place), access.led_place(actor, to)
    if _was_done(f"{key}:out", given, source, -count):
        return
    forms.amount(count)
    _must_be_inside(campaign, target, "to")
    if source.pk == target.pk:
        raise Invalid("两个发放点要不一样。", field="to")
    if not target.is_active:
        raise Conflict("这个发放点已经停用。", field="to")
    put(campaign, source, given, states.TAKEN, count, key=f"{key}:out", note=note, by=actor.ref)
    put(campaign, target, given, states.BROUGHT, count, key=f"{key}:in", note=note, by=actor.ref)
    record("gifts.moved", subject=campaign.ref, actor=actor.ref, place=place, to=to, count=count)


@transaction.atomic
def write_off(*, actor: Actor, donation: str, place: str, count: int, kind: str, key: str, note: str) -> None:
    """Kits are broken, or went back to the donor; `note` says what happened."""
    given, campaign = _given(actor, donation)
    at = access.led_place(actor, place)
    if _was_done(key, given, at, -count):
        return
    forms.amount(count)
    if kind not in (states.BROKEN, states.RETURNED):
        raise Invalid("请选择破损还是退还。", field="kind")
    put(campaign, at, given, kind, count, key=key, note=forms.reason(note), by=actor.ref)
    Campaign.objects.filter(pk=campaign.pk).update(usable=F("usable") - count)
    record("gifts.written_off", subject=campaign.ref, actor=actor.ref, place=place, kind=kind, count=count)


@transaction.atomic
def correct(*, actor: Actor, donation: str, place: str, lies: int, counted: int, key: str, reason: str) -> None:
    """Somebody counted: `counted` kits lie there, where the page showed `lies`. Stale if that is no longer so."""
    given, campaign = _given(actor, donation)
    at = access.led_place(actor, place)
    if _was_done(key, given, at, counted - lies):
        return
    if not 0 <= counted <= forms.MOST:
        raise Invalid("数量要是 0 以上的整数。", field="counted")
    words = forms.reason(reason)
    now = Stock.objects.select_for_update().filter(campaign=campaign, place=at, donation=given).first()
    there = now.count if now else 0
    if there != lies:
        raise Conflict("刚刚有进出，账上现在是 %(count)s 份。请再数一次。", field="counted", count=there)
    more = counted - there
    if not more:
        raise Conflict("数量没有变，不用改。", field="counted")
    if more > 0:
        others = Stock.objects.filter(donation=given).aggregate(n=Sum("count"))["n"] or 0
        if others + more > given.count:
            raise Conflict("这笔捐赠一共只有 %(all)s 份。", field="counted", all=given.count)
    kind = states.FOUND if more > 0 else states.MISSING
    put(campaign, at, given, kind, abs(more), key=key, note=words, by=actor.ref)
    Campaign.objects.filter(pk=campaign.pk).update(usable=F("usable") + more, swept=0)
    record(
        "gifts.corrected",
        subject=campaign.ref,
        actor=actor.ref,
        donation=donation,
        place=place,
        before=lies,
        after=counted,
    )


def put(
    campaign: Campaign, place: Place, donation: Donation, kind: str, count: int, *, key: str, by: str, note: str = ""
) -> None:
    """One move and what it does to the stock. NotEnough leaves nothing."""
    delta = states.SIGNS[kind] * count
    rows = Stock.objects.filter(campaign=campaign, place=place, donation=donation)
    if delta > 0:
        Stock.objects.get_or_create(campaign=campaign, place=place, donation=donation)
        rows.update(count=F("count") + delta)
    elif not rows.filter(count__gte=-delta).update(count=F("count") + delta):
        raise errors.NotEnough(count=rows.values_list("count", flat=True).first() or 0, field="count")
    Move.objects.create(
        campaign=campaign, place=place, donation=donation, kind=kind, delta=delta, key=key, note=note[:200], by=by
    )


@dataclass(frozen=True, slots=True)
class Line:
    """A move of many."""

    place: Place
    donation: Donation
    count: int
    key: str
    at: datetime
    note: str = ""


def put_many(campaign: Campaign, kind: str, lines: Sequence[Line], *, by: str) -> None:
    """The same for many moves of one kind: a statement for all of them and one for each shelf. NotEnough leaves nothing."""
    sign = states.SIGNS[kind]
    shelves: dict[tuple[int, int], int] = defaultdict(int)
    for line in lines:
        shelves[line.place.pk, line.donation.pk] += line.count
    for (place, donation), count in sorted(shelves.items()):
        rows = Stock.objects.filter(campaign=campaign, place_id=place, donation_id=donation)
        if sign > 0:
            Stock.objects.get_or_create(campaign=campaign, place_id=place, donation_id=donation)
            rows.update(count=F("count") + count)
        elif not rows.filter(count__gte=count).update(count=F("count") - count):
            raise errors.NotEnough(count=rows.values_list("count", flat=True).first() or 0)
    columns = ("campaign_id", "place_id", "donation_id", "kind", "delta", "key", "note", "by", "at")
    moves = [
        (campaign.pk, line.place.pk, line.donation.pk, kind, sign * line.count, line.key, line.note[:200], by, line.at)
        for line in lines
    ]
    insert_many(Move, columns, moves)


def _was_done(key: str, donation: Donation, place: Place, delta: int) -> bool:
    """Whether this very move was made. The same key with something else in it: a page that was sent again with other numbers."""
    if not 8 <= len(key) <= 50:
        raise Invalid("请刷新页面再试。", field="key")
    found = Move.objects.filter(key=key).first()
    if found is None:
        return False
    if (found.donation_id, found.place_id, found.delta) != (donation.pk, place.pk, delta):
        raise Conflict("这一页已经记过别的数。请刷新页面再记。", field="key")
    return True


def _must_be_inside(campaign: Campaign, place: Place, field: str) -> None:
    """Kits stay where the campaign is: elsewhere nobody would see them."""
    if not place.division.path.startswith(campaign.division.path):
        raise Invalid("这个发放点不在活动的范围里。", field=field)


def _given(actor: Actor, donation: str) -> tuple[Donation, Campaign]:
    """The donation and its campaign, which is held. What is left when it is over still goes back, elsewhere, or breaks."""
    given = Donation.objects.select_related("campaign").filter(public_id=donation).first()
    if given is None:
        raise errors.NoSuchThing
    return given, access.locked(actor, given.campaign.public_id)
