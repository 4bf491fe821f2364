"""Vouchers at the till: check, redeem, take.

Locks    always in the order voucher → purses → item, so no two steps wait for each other in a circle. The voucher's own
         row is locked first: of two takings of the last part, one finds nothing left.
Points   held → the merchant's settlement account, use by use. Each use has its own posting; shares of points and money are
         rounded as they add up, so all uses together are the whole.
Retries  the same redeem key of a merchant returns the same use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from qixia.kernel import clock, hours
from qixia.kernel.errors import Invalid
from qixia.people.access import Actor
from qixia.people.queries import staff_of
from qixia.rewards import closing, rules, states
from qixia.rewards.access import closure_of, merchant_ids
from qixia.rewards.errors import KeyReused, NotAMerchant, NotSoMuchLeft, TooManyTries, VoucherOver, VoucherRefused
from qixia.rewards.models import Posting, Refusal, TillDevice, Use, Voucher
from qixia.rewards.qr import BadCode, Code, read_code
from qixia.rewards.queries.money import amount
from qixia.rewards.services import books, telling
from qixia.rewards.services.redemption.posting import check_key, post

TRIES = 10
TRIES_MINUTES = 10
NOT_A_VOUCHER = {
    "forged": "二维码的签名不对，这不是本市发的券，请不要收。",
    "unknown": "券号应是 9 位数字，最后一位是校验码。请核对，或改用扫码。",
}
# What a wrong guess at a number leaves behind.
GUESSES = ("unknown", "forged")


@dataclass(frozen=True, slots=True)
class Checked:
    """What a merchant's scan or typing found: a voucher that may be taken now."""

    voucher: Voucher
    is_signed: bool


@dataclass(frozen=True, slots=True)
class Taker:
    """Who takes, and for which shop (key of the organisation)."""

    actor_ref: str
    person_id: int
    merchant_id: int


def check(*, actor: Actor, text: str) -> Checked:
    """What a scanned code or a typed number stands for, if this merchant may take it now.

    VoucherRefused says why not, and the refusal is listed on the merchant's page. TooManyTries after ten wrong
    numbers in ten minutes: 10^8 numbers are few enough to guess at without it.
    """
    merchants = merchant_ids(actor)
    if not merchants or actor.person_id is None:
        raise NotAMerchant
    _throttle(actor.person_id)
    try:
        return _find(text, merchants)
    except _Refused as refused:
        Refusal.objects.create(
            merchant_id=merchants[0],
            by_id=actor.person_id,
            voucher=refused.voucher,
            reason=refused.error.reason,
            typed=refused.typed,
            tail=refused.tail,
            at=clock.now(),
        )
        raise refused.error from None


def redeem(*, actor: Actor, text: str, redeem_key: str, units: int | None = None) -> Use:
    """Take a voucher at this merchant: `units` of it (times, or 分 by amount), or all of one that is used at once.

    The same redeem key returns the same use. Refusals: as `check`; Invalid (units) when it must be said how much;
    NotSoMuchLeft; KeyReused when the key came with another voucher or amount.
    """
    check_key(redeem_key)
    known = _known(actor, text, redeem_key, units)
    if known is not None:
        return known
    voucher = check(actor=actor, text=text).voucher
    wanted = _wanted(voucher, units)
    taker = Taker(actor.ref, actor.person_id or 0, voucher.merchant_id)
    try:
        with transaction.atomic():
            locked = _locked(voucher.pk)
            known = _known(actor, text, redeem_key, units)
            if known is not None:
                return known
            refusal = _refusal(locked, [taker.merchant_id])
            if refusal is not None:
                raise refusal
            return take(voucher=locked, units=wanted, taker=taker, redeem_key=redeem_key, taken_at=clock.now())
    except (VoucherOver, VoucherRefused):
        # Somebody was faster between the check and now: look again, so that the refusal says what happened.
        check(actor=actor, text=text)
        raise
    except IntegrityError as error:  # the same key for two vouchers at once
        raise KeyReused(field="redeem_key") from error


def _locked(pk: int) -> Voucher:
    rows = Voucher.objects.select_related("person", "merchant", "item")
    return rows.select_for_update(of=("self",), no_key=True).get(pk=pk)


def _known(actor: Actor, text: str, redeem_key: str, units: int | None) -> Use | None:
    """What this key took already at one of the actor's shops."""
    known = Use.objects.filter(redeem_key=redeem_key, merchant_id__in=merchant_ids(actor))
    use = known.select_related("voucher__merchant", "voucher__item", "voucher__person").first()
    if use is None:
        return None
    try:
        number = read_code(text).number
    except BadCode:
        number = ""
    if (use.voucher.number, use.by_id) != (number, actor.person_id) or units not in (None, use.units):
        raise KeyReused(field="redeem_key")
    return use


def _wanted(voucher: Voucher, units: int | None) -> int:
    if units is None and voucher.asks_units:
        raise Invalid("请写这次用多少。", field="units")
    return voucher.left if units is None else units


@transaction.atomic
def take(
    *,
    voucher: Voucher,
    units: int,
    taker: Taker,
    redeem_key: str,
    taken_at: datetime,
    device: TillDevice | None = None,
    offline: bool = False,
) -> Use:
    """Take `units` of a voucher whose row the caller has locked. `taken_at`: when it happened, which may be before now.

    VoucherOver when it ended (or its time was over at `taken_at`); NotSoMuchLeft; VoucherRefused for another's shop.
    """
    if taker.merchant_id != voucher.merchant_id:
        raise _elsewhere(voucher)
    if voucher.state not in states.USABLE or voucher.expires_at <= taken_at:
        ended = states.EXPIRED if voucher.state in states.USABLE else voucher.state
        raise VoucherOver(state=_(states.LABELS[ended]))
    if not 1 <= units <= voucher.left:
        raise NotSoMuchLeft(field="units", left=amount(voucher.left, by_amount=voucher.by_amount))
    before = voucher.used
    step = "redeem" if units == voucher.left else "use"
    now = clock.now()
    voucher.used, voucher.state = before + units, states.result(step)
    voucher.ended_at = now if step == "redeem" else None
    stepped = Voucher.objects.filter(pk=voucher.pk, state__in=states.USABLE, used=before)
    if not stepped.update(used=voucher.used, state=voucher.state, ended_at=voucher.ended_at):
        raise VoucherOver(state=_(states.LABELS[voucher.state]))  # the caller held no lock
    points = rules.share_of(voucher.total, before, units, voucher.price)
    use = Use.objects.create(
        voucher=voucher,
        merchant_id=taker.merchant_id,
        by_id=taker.person_id,
        posting=_posting(voucher, step=step, points=points, taker=taker, redeem_key=redeem_key),
        units=units,
        points=points,
        fen=rules.share_of(voucher.total, before, units, voucher.face_value_fen or 0),
        taken_at=taken_at,
        at=now,
        redeem_key=redeem_key,
        device=device,
        offline=offline,
    )
    telling.taken(step, use, actor=taker.actor_ref)
    return use


def _posting(voucher: Voucher, *, step: str, points: int, taker: Taker, redeem_key: str) -> Posting:
    """A share may be no point at all: then the posting has no lines, and is there all the same."""
    owner_ref = f"person:{voucher.person.public_id}"
    purse = books.lock_purses([owner_ref], need=(rules.AVAILABLE, rules.HELD))[owner_ref]
    settlement = books.collecting(f"organisation:{voucher.merchant.public_id}", rules.SETTLEMENT)
    moved = [
        books.move(purse.pots[rules.HELD], -points),
        books.move(settlement[rules.slot_of(owner_ref)], points),
    ]
    return post(
        voucher,
        purse=purse,
        step=step,
        kind=rules.REDEEM,
        actor=taker.actor_ref,
        points=0,
        nominal=points,
        lines=moved if points else [],
        part=redeem_key,
    )


def _throttle(person_id: int) -> None:
    since = clock.now() - timedelta(minutes=TRIES_MINUTES)
    wrong = Refusal.objects.filter(by_id=person_id, at__gt=since, reason__in=GUESSES).order_by("-at")
    tries = list(wrong.values_list("at", flat=True)[:TRIES])
    if len(tries) == TRIES:
        wait = tries[-1] + timedelta(minutes=TRIES_MINUTES) - clock.now()
        seconds = max(int(wait.total_seconds()), 1)
        raise TooManyTries(field="code", retry_after=seconds, minutes=-(-seconds // 60))


class _Refused(Exception):
    def __init__(self, error: VoucherRefused, *, typed: bool, tail: str, voucher: Voucher | None = None) -> None:
        super().__init__(error.reason)
        self.error, self.typed, self.tail, self.voucher = error, typed, tail, voucher


def _find(text: str, merchants: Sequence[int]) -> Checked:
    try:
        code = read_code(text)
    except BadCode as bad:
        raise _Refused(VoucherRefused(bad.reason, NOT_A_VOUCHER[bad.reason]), typed=bad.typed, tail=bad.tail) from bad
    voucher = Voucher.objects.select_related("person", "merchant", "item").filter(number=code.number).first()
    # A signed code names the voucher twice; both must fit, or a number drawn again after a restore would pass.
    if voucher is None or (code.public_id and code.public_id != voucher.public_id):
        error = VoucherRefused("unknown", "没有这张券。请核对券号，或让顾客打开二维码。")
        raise _Refused(error, typed=not code.is_signed, tail=code.number[-4:])
    refusal = _refusal(voucher, merchants) or _stale(code)
    if refusal is not None:
        raise _Refused(refusal, typed=not code.is_signed, tail=code.number[-4:], voucher=voucher)
    return Checked(voucher=voucher, is_signed=code.is_signed)


def _refusal(voucher: Voucher, merchants: Sequence[int]) -> VoucherRefused | None:
    now = clock.now()
    if voucher.merchant_id not in merchants:
        return _elsewhere(voucher)
    if voucher.redeemed_at:
        return VoucherRefused("used", "这张券 %(when)s 已经用过，请不要收。", when=_when(voucher.redeemed_at))
    if voucher.state == states.CANCELLED:
        return VoucherRefused("returned", "顾客已退回这张券，请不要收。")
    closed = closure_of(voucher.merchant_id) if voucher.state in states.USABLE else None
    if closed and closed.vouchers == closing.EXTEND:
        return VoucherRefused("paused", "你的店暂停中，请不要收。券会延期，恢复以后再来。")
    if closed and closed.vouchers == closing.RETURN:
        return VoucherRefused("closed", "你的店现在不能收券，请不要收。积分会全部退给顾客。")
    if voucher.state == states.EXPIRED or voucher.expires_at <= now:
        when = _when(voucher.expires_at)
        return VoucherRefused("expired", "这张券 %(when)s 已过期，请不要收，积分会退给顾客。", when=when)
    if holder_keeps(voucher):
        return VoucherRefused("own", "这是你们店里人自己的券，不能在自己店里收，请不要收。")
    if voucher.opens_at and voucher.opens_at > now:
        return VoucherRefused("early", "还没到时候，这张券 %(when)s 起才能用。", when=_when(voucher.opens_at))
    if voucher.windows and not hours.is_open(voucher.windows, now):
        opens = hours.next_change(voucher.windows, now)
        if opens is None:
            return VoucherRefused("outside_window", "现在不是这张券的可用时段。")
        return VoucherRefused("outside_window", "现在不是这张券的可用时段，%(when)s 起可以用。", when=_when(opens))
    return None


def holder_keeps(voucher: Voucher) -> bool:
    """Whether who holds a voucher keeps its shop: then nothing is given for it, and the shop would be paid."""
    return any(member.person_id == voucher.person_id for member in staff_of(voucher.merchant_id, "merchant"))


def _stale(code: Code) -> VoucherRefused | None:
    """A picture of a code is worth nothing a minute later: whoever shows it may not be who holds the voucher."""
    if code.shown_at is None or code.is_fresh:
        return None
    return VoucherRefused(
        "stale",
        "这是 %(when)s 的二维码，可能是截图。请顾客打开“我的券”刷新二维码，再扫一次；或请顾客报 9 位券号。",
        when=_when(code.shown_at),
    )


def _elsewhere(voucher: Voucher) -> VoucherRefused:
    return VoucherRefused("elsewhere", "这张券只能在“%(name)s”用，请不要收。", name=voucher.merchant.name)


def _when(at: datetime) -> str:
    return f"{clock.city_time(at):%m-%d %H:%M}"
