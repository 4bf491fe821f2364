"""Riders enter a draw; clerks look at needs; entering closes and the list is frozen.

Errors   NotForYou, NotNow, TooEarly; Invalid names the field.
Lock     the campaign's row, so that nobody enters between closing and freezing.
Retries  entering again changes place and need and keeps the code; withdrawing again: nothing.
"""

from __future__ import annotations

import logging
import secrets
from datetime import date, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from qixia.audit.services import record
from qixia.gifts import access, errors, states
from qixia.gifts.models import Campaign, Draw, Entry, Place
from qixia.gifts.rules import Need, SharingPolicy
from qixia.gifts.services.moves import draw_must_be, must_be, take_step, turn
from qixia.gifts.services.planning import terms_now
from qixia.kernel import clock
from qixia.kernel.errors import Conflict, Invalid
from qixia.people.access import SYSTEM, Actor
from qixia.people.queries import own_card
from qixia.policy.queries import current

log = logging.getLogger("qixia.gifts")
_ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"


@transaction.atomic
def enter(*, actor: Actor, campaign: str, place: str, need: str = "") -> Entry:
    """Ask for one kit, to be collected at `place`; `need` is the slug of a group that goes first, or ""."""
    row = _open(campaign)
    if not access.is_for(row, actor):
        raise errors.NotForYou(who=_("指定平台骑手") if row.platforms else _("骑手"))
    _in_time(row)
    at = Place.objects.filter(public_id=place, is_active=True, division__path__startswith=row.division.path).first()
    if at is None:
        raise Invalid("请选择在哪里领。", field="place")
    said = {
        "place": at,
        "platform": next(iter(sorted(access.platforms_of(actor))), ""),
        "need": need,
        "need_state": _need_state(actor, need),
    }
    found = Entry.objects.filter(campaign=row, person_id=actor.person_id or 0).first()
    if found is None:
        code = "".join(secrets.choice(_ALPHABET) for _ in range(12))
        found = Entry.objects.create(campaign=row, person_id=actor.person_id, code=code, **said)
        record("gifts.entered", subject=row.ref, actor=actor.ref)
        return found
    if found.need_state == states.NOT_SURE and need in ("", found.need):
        said["need"] = found.need  # asking for nothing in between doesn't bring it back
    if found.need == said["need"] and found.need_state:
        said["need_state"] = found.need_state  # what the desk said about it holds
    Entry.objects.filter(pk=found.pk).update(**said)
    found.refresh_from_db()
    return found


@transaction.atomic
def withdraw(*, actor: Actor, campaign: str) -> None:
    row = _open(campaign)
    _in_time(row)
    if Entry.objects.filter(campaign=row, person_id=actor.person_id or 0).delete()[0]:
        record("gifts.withdrew", subject=row.ref, actor=actor.ref)


@transaction.atomic
def confirm_need(*, actor: Actor, code: str, accept: bool) -> None:
    """A clerk says whether somebody's need holds, while entering is open or not yet frozen."""
    found = Entry.objects.select_related("campaign").filter(code=code).exclude(need="").first()
    if found is None:
        raise errors.NoSuchThing
    row = access.locked(actor, found.campaign.public_id)
    must_be(row, "confirm_need")
    if found.person_id == actor.person_id:
        raise Conflict("自己的需要要由别人来看。")
    new = states.SURE if accept else states.NOT_SURE
    if Entry.objects.filter(pk=found.pk).exclude(need_state=new).update(need_state=new):
        record("gifts.need_looked_at", subject=row.ref, actor=actor.ref, accepted=accept)


@transaction.atomic
def close_entries(*, actor: Actor, campaign: str) -> Draw:
    """Entering is over, after its time and never before; the job freezes the list."""
    row = access.locked(actor, campaign, *access.DESK)
    must_be(row, "close_entries")
    if row.way != states.BY_DRAW:
        raise Conflict("这个活动不摇号。")
    if clock.now() < row.ends_at:
        raise errors.TooEarly(when=f"{clock.city_time(row.ends_at):%Y-%m-%d %H:%M}")
    draw = Draw.objects.filter(campaign=row).latest("number")
    draw_must_be(draw, "close_entries")
    take_step(row, "close_entries")
    start_freezing(row, draw)
    record("gifts.closed", subject=row.ref, actor=actor.ref, kits=draw.kits)
    return draw


def close_due() -> int:
    """Close what is due. Returns how many campaigns that were."""
    due = Campaign.objects.filter(state=states.OPEN, way=states.BY_DRAW, ends_at__lte=clock.now())
    found = list(due.order_by("pk").values_list("public_id", flat=True)[:20])
    closed = 0
    for public_id in found:
        try:
            close_entries(actor=SYSTEM, campaign=public_id)
            closed += 1
        except Exception:  # one that can't be closed must not keep the others open
            log.exception("entering can't be closed", extra={"campaign": public_id})
    return closed


def start_freezing(row: Campaign, draw: Draw) -> None:
    """Kits that nobody has yet. Terms are those that were promised."""
    turn(draw, states.FREEZING, terms=draw.terms or terms_now(), kits=max(row.usable - row.allotted, 0), cursor=0)


def _open(campaign: str) -> Campaign:
    rows = Campaign.objects.select_for_update(of=("self",), no_key=True).select_related("division")
    row = rows.filter(public_id=campaign).exclude(state=states.DRAFT).first()
    if row is None:
        raise errors.NoSuchThing
    must_be(row, "enter")
    if row.way != states.BY_DRAW:
        raise Conflict("这个礼包不用报名，符合条件就有。")
    return row


def _in_time(row: Campaign) -> None:
    now = clock.now()
    if now < row.starts_at:
        raise errors.TooEarly(when=f"{clock.city_time(row.starts_at):%Y-%m-%d %H:%M}")
    if now >= row.ends_at:
        raise errors.NotNow(state=_("报名已截止"))


def _need_state(actor: Actor, need: str) -> str:
    if not need:
        return ""
    policy: SharingPolicy = current("gifts.sharing").data
    group = policy.need(need)
    if group is None:
        raise Invalid("没有这一项。", field="need")
    if group.check == "newcomer" and not is_newcomer(actor, group):
        raise Invalid("你登记已经超过 %(days)s 天，不属于这一项。", field="need", days=group.days)
    return states.SAID if group.check == "desk" else states.SURE


def is_newcomer(actor: Actor, group: Need) -> bool:
    since = own_card(actor.person_id or 0).since
    return isinstance(since, date) and since >= clock.city_date(clock.now()) - timedelta(days=group.days)
