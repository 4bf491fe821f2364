"""Kits come, go from place to place, break, go back. Every change is a Move; sums follow in the same transaction.

Errors   NotEnough when a place has fewer; Conflict when more come than were given; Invalid names the field.
Order    the campaign's lock first, then stock rows in the order of their ids: no two changes wait in a circle.
Retries  the same `key`: the same move, nothing happens twice.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import F, Sum

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
    if _was_done(key):
        return
    forms.amount(count)
    come = Move.objects.filter(donation=given, kind=states.RECEIVED).aggregate(n=Sum("delta"))["n"] or 0
    if come + count > given.count:
        raise Conflict("这笔捐赠一共 %(all)s 份，已经收到 %(come)s 份。", field="count", all=given.count, come=come)
    if not at.is_active:
        raise Conflict("这个发放点已经停用。", field="place")
    put(campaign, at, given, states.RECEIVED, count, key=key, note=note, by=actor.ref)
    Campaign.objects.filter(pk=campaign.pk).update(usable=F("usable") + count)
    record("gifts.received", subject=campaign.ref, actor=actor.ref, donation=donation, place=place, count=count)


@transaction.atomic
def move(*, actor: Actor, donation: str, place: str, to: str, count: int, key: str, note: str = "") -> None:
    """Kits go from one place to another."""
    given, campaign = _given(actor, donation)
    source, target = access.led_place(actor, place), access.led_place(actor, to)
    if _was_done(f"{key}:out"):
        return
    forms.amount(count)
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
    if _was_done(key):
        return
    forms.amount(count)
    if kind not in (states.BROKEN, states.RETURNED):
        raise Invalid("请选择破损还是退还。", field="kind")
    put(campaign, at, given, kind, count, key=key, note=forms.reason(note), by=actor.ref)
    Campaign.objects.filter(pk=campaign.pk).update(usable=F("usable") - count)
    record("gifts.written_off", subject=campaign.ref, actor=actor.ref, place=place, kind=kind, count=count)


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


def _was_done(key: str) -> bool:
    if not 8 <= len(key) <= 50:
        raise Invalid("请刷新页面再试。", field="key")
    return Move.objects.filter(key=key).exists()


def _given(actor: Actor, donation: str) -> tuple[Donation, Campaign]:
    """The donation and its campaign, which is held."""
    given = Donation.objects.select_related("campaign").filter(public_id=donation).first()
    if given is None:
        raise errors.NoSuchThing
    campaign = access.locked(actor, given.campaign.public_id)
    if campaign.state == states.ENDED:
        raise errors.NotNow(state="已结束")
    return given, campaign
