"""Kits go over the counter: by a scanned code or a typed number, once; undone by a supervisor within a day.

Once     the allotment goes open → handed by a conditional update, before the stock changes: of two places one wins, the
         other reads when and where it was.
Errors   GiftRefused with a reason of errors.REFUSALS; NoSuchThing for a place that isn't the actor's.
Retries  the same person at the same place within two minutes: the same hand-over.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from qixia.audit.services import record
from qixia.gifts import access, errors, qr, states
from qixia.gifts.models import Allotment, Campaign, Donation, Guess, HandOver, Place, Stock
from qixia.gifts.rules import SharingPolicy, forms
from qixia.gifts.services.numbering import fresh_numbers
from qixia.gifts.services.stocking import put
from qixia.kernel import clock
from qixia.kernel.errors import Conflict
from qixia.notices.services import tell
from qixia.people.access import Actor
from qixia.policy.queries import current

_SAME = timedelta(minutes=2)
_BAD_CODE = {
    "forged": "这不是礼包的领取码。请骑手打开“我的礼包”再出示。",
    "over": "这是以前的码，可能是截图。请骑手打开“我的礼包”，用现在的码。",
    "unknown": "号码不对，请再看一遍 9 位数字。",
}


@dataclass(frozen=True, slots=True)
class Found:
    """What a code stands for, and that it may be handed over here and now."""

    gift: Allotment
    is_deputy: bool
    is_signed: bool


def check(*, actor: Actor, text: str, place: str) -> Found:
    """Look without handing over. GiftRefused where hand_over would refuse."""
    at = access.hand_place(actor, place)
    found = _tried(actor, text)
    _must_be_open(found, at)
    if not Stock.objects.filter(campaign_id=found.gift.campaign_id, place=at, count__gte=1).exists():
        raise errors.GiftRefused("empty", "这个点没有“%(name)s”了，请先补货。", name=found.gift.campaign.title)
    if not found.is_signed:
        record("gifts.looked_up", subject=found.gift.ref, actor=actor.ref, place=at.public_id)
    return found


def hand_over(*, actor: Actor, text: str, place: str) -> HandOver:
    """Give the kit out of this place's stock."""
    at = access.hand_place(actor, place)
    return _give(actor, at, _tried(actor, text))


@transaction.atomic
def _give(actor: Actor, at: Place, found: Found) -> HandOver:
    again = _just_now(found.gift, at, actor)
    if again is not None:
        return again
    _must_be_open(found, at)
    gift = found.gift
    if not Allotment.objects.filter(pk=gift.pk, state=states.OPEN).update(
        state=states.HANDED, deputy_number=None, deputy_until=None
    ):
        gift.refresh_from_db(fields=["state"])
        _must_be_open(found, at)
        raise errors.GiftRefused("handed", "这一份刚刚已经领走。")
    donation = _donation_for(gift, at)
    made = HandOver.objects.create(
        allotment=gift,
        place=at,
        donation=donation,
        by=actor.ref,
        is_signed=found.is_signed,
        to_deputy=found.is_deputy,
    )
    put(gift.campaign, at, donation, states.GIVEN, 1, key=f"given:{made.public_id}", by=actor.ref)
    record("gifts.handed_over", subject=gift.ref, actor=actor.ref, place=at.public_id, deputy=found.is_deputy)
    if gift.person_id:
        template = "gift.deputy" if found.is_deputy else "gift.handed"
        facts = {"name": gift.campaign.title, "place": at.name}
        link = f"/gifts/mine/{gift.public_id}"
        tell(gift.person_id, template, key=f"handed:{made.public_id}", params=facts, link=link)
    return made


@transaction.atomic
def set_deputy(*, actor: Actor, gift: str, on: bool = True) -> Allotment:
    """Let somebody else collect, with a number of its own for some hours; or take that back."""
    row = access.own_gifts(actor).select_for_update().filter(public_id=gift).first()
    if row is None:
        raise errors.NoSuchThing
    if row.state != states.OPEN:
        raise Conflict("这一份已经不在等领。")
    if on and row.deputy_until is not None and row.deputy_until > clock.now():
        return row  # the friend has this number already
    policy: SharingPolicy = current("gifts.sharing").data
    until = min(clock.now() + timedelta(hours=policy.deputy_hours), row.until) if on else None
    number = fresh_numbers(1)[0] if on else None
    Allotment.objects.filter(pk=row.pk).update(deputy_number=number, deputy_until=until)
    record("gifts.deputy_set", subject=row.ref, actor=actor.ref, on=on)
    row.refresh_from_db()
    return row


@transaction.atomic
def undo(*, actor: Actor, hand_over: str, reason: str) -> None:
    """A supervisor takes a hand-over back: the kit never left, and the rider may collect it."""
    rows = HandOver.objects.select_related("allotment__campaign", "place__division", "donation", "paper")
    found = rows.filter(public_id=hand_over).first()
    if found is None:
        raise errors.NoSuchThing
    access.led_place(actor, found.place.public_id, *access.SUPERVISORS)
    # Held, so that it doesn't end meanwhile; who may undo here need not be in charge of the campaign.
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=found.allotment.campaign_id)
    words = forms.reason(reason)
    policy: SharingPolicy = current("gifts.sharing").data
    now = clock.now()
    if found.by == actor.ref:
        raise Conflict("自己发的要由别人来撤销。")
    if found.allotment.person_id is not None and found.allotment.person_id == actor.person_id:
        raise Conflict("自己领的要由别人来撤销。")
    if now > noted_at(found) + timedelta(hours=policy.undo_hours):
        raise Conflict("发放超过 %(hours)s 小时，不能撤销。", hours=policy.undo_hours)
    if campaign.state == states.ENDED:
        raise errors.NotNow(state="已结束")
    stands = HandOver.objects.filter(pk=found.pk, undone_at=None)
    if not stands.update(undone_at=now, undone_by=actor.ref, reason=words):
        raise Conflict("这一次已经撤销过了。")
    # There is a day to come again, also where the last one is over by now.
    until = max(found.allotment.until, now + timedelta(hours=policy.undo_hours))
    Allotment.objects.filter(pk=found.allotment_id, state=states.HANDED).update(state=states.OPEN, until=until)
    gift = found.allotment
    put(gift.campaign, found.place, found.donation, states.UNDONE, 1, key=f"undone:{found.public_id}", by=actor.ref)
    record("gifts.undone", subject=gift.ref, actor=actor.ref, place=found.place.public_id)


def noted_at(row: HandOver) -> datetime:
    """When it was written down: `at` says what a paper says, which may be long ago."""
    return row.paper.done_at or row.at if row.paper else row.at


def _tried(actor: Actor, text: str) -> Found:
    """The gift behind a code. Whoever only guesses waits: numbers have nine digits, and many are out."""
    policy: SharingPolicy = current("gifts.sharing").data
    since = clock.now() - timedelta(minutes=policy.guess_minutes)
    if Guess.objects.filter(person_id=actor.person_id or 0, at__gt=since).count() >= policy.guesses:
        raise errors.TooManyGuesses(minutes=policy.guess_minutes, field="code")
    try:
        return _find(text)
    except errors.GiftRefused as refusal:
        if refusal.reason in errors.GUESSES and actor.person_id:
            Guess.objects.create(person_id=actor.person_id)
        raise


def _find(text: str) -> Found:
    try:
        code = qr.read_code(text)
    except qr.BadCode as error:
        raise errors.GiftRefused(error.reason, _BAD_CODE[error.reason]) from error
    rows = Allotment.objects.select_related("campaign__division")
    if code.gift:
        gift, is_deputy = rows.filter(public_id=code.gift).first(), False
    else:
        gift = rows.filter(number=code.number).first()
        is_deputy = gift is None
        gift = gift or rows.filter(deputy_number=code.number).first()
    if gift is None:
        raise errors.GiftRefused("unknown", "没有这个号。请再看一遍 9 位数字。")
    return Found(gift, is_deputy, bool(code.gift))


def _must_be_open(found: Found, at: Place) -> None:
    gift, now = found.gift, clock.now()
    if gift.state == states.HANDED:
        before = HandOver.objects.select_related("place").filter(allotment=gift, undone_at=None).first()
        when = f"{clock.city_time(before.at):%m-%d %H:%M}" if before else ""
        where = before.place.name if before else ""
        raise errors.GiftRefused("handed", "这一份 %(when)s 已在%(where)s领走。", when=when, where=where)
    if gift.state == states.LAPSED or gift.until <= now:
        raise errors.GiftRefused("lapsed", "领取时间过了，这一份已经收回。")
    if not states.may("hand_over", gift.campaign.state):
        raise errors.GiftRefused("ended", "“%(name)s”现在不发放。", name=gift.campaign.title)
    if found.is_deputy and (gift.deputy_until is None or gift.deputy_until <= now):
        raise errors.GiftRefused("deputy", "骑手没有同意代领，或同意已经过时。")


def _just_now(gift: Allotment, at: Place, actor: Actor) -> HandOver | None:
    since = clock.now() - _SAME
    return HandOver.objects.filter(allotment=gift, place=at, by=actor.ref, undone_at=None, at__gte=since).first()


def _donation_for(gift: Allotment, at: Place) -> Donation:
    """The oldest donation with a kit at this place. `put` takes it, or says that another was faster."""
    lying = Stock.objects.select_for_update().filter(campaign_id=gift.campaign_id, place=at, count__gte=1)
    row = lying.order_by(F("donation_id")).first()
    if row is None:
        raise errors.GiftRefused("empty", "这个点没有“%(name)s”了，请先补货。", name=gift.campaign.title)
    return row.donation
