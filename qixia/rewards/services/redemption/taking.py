"""Vouchers at the till: check, redeem.

Locks    always in the order voucher → purses → item, so no two steps wait for each other in a circle.
Points   held → the merchant's settlement account.
Retries  the same redeem key returns the same result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from qixia.kernel import clock
from qixia.people.access import Actor
from qixia.rewards import rules, states
from qixia.rewards.access import merchant_ids
from qixia.rewards.errors import NotAMerchant, TooManyTries, VoucherEnded, VoucherRefused
from qixia.rewards.models import Refusal, Voucher
from qixia.rewards.qr import BadCode, read_code
from qixia.rewards.services import books, telling
from qixia.rewards.services.redemption.posting import check_key, post

TRIES = 10
TRIES_MINUTES = 10
NOT_A_VOUCHER = {
    "forged": "二维码的签名不对，这不是本市发的券，请不要收。",
    "unknown": "券号应是 9 位数字，最后一位是校验码。请核对，或改用扫码。",
}


@dataclass(frozen=True, slots=True)
class Checked:
    """What a merchant's scan or typing found: a voucher that may be taken now."""

    voucher: Voucher
    is_signed: bool


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


def redeem(*, actor: Actor, text: str, redeem_key: str) -> Voucher:
    """Take a voucher at this merchant, once. The same redeem key returns the same voucher."""
    check_key(redeem_key)
    again = Voucher.objects.filter(redeem_key=redeem_key, redeemed_by_id=actor.person_id, state=states.REDEEMED).first()
    if again is not None and again.merchant_id in merchant_ids(actor):
        return again
    voucher = check(actor=actor, text=text).voucher
    with transaction.atomic():
        taken = _take(voucher, actor, redeem_key)
    if not taken:
        # Somebody was faster between the check and now: look again, so that the refusal says what happened.
        check(actor=actor, text=text)
        raise VoucherEnded(state=_(states.LABELS[states.REDEEMED]))
    voucher.refresh_from_db()
    return voucher


def _take(voucher: Voucher, actor: Actor, redeem_key: str) -> bool:
    now = clock.now()
    stepped = Voucher.objects.filter(pk=voucher.pk, state=states.RESERVED, expires_at__gt=now).update(
        state=states.result("redeem"),
        ended_at=now,
        redeemed_at=now,
        redeemed_by_id=actor.person_id,
        redeem_key=redeem_key,
    )
    if not stepped:
        return False
    owner_ref = f"person:{voucher.person.public_id}"
    purse = books.lock_purses([owner_ref])[owner_ref]
    settlement = books.collecting(f"organisation:{voucher.merchant.public_id}", rules.SETTLEMENT)
    post(
        voucher,
        purse=purse,
        step="redeem",
        kind=rules.REDEEM,
        actor=actor.ref,
        points=0,
        lines=[
            books.move(purse.pots[rules.HELD], -voucher.price),
            books.move(settlement[rules.slot_of(owner_ref)], voucher.price),
        ],
    )
    telling.stepped("redeem", [voucher], actor=actor.ref)
    return True


def _throttle(person_id: int) -> None:
    since = clock.now() - timedelta(minutes=TRIES_MINUTES)
    wrong = Refusal.objects.filter(by_id=person_id, at__gt=since, reason__in=("unknown", "forged")).order_by("-at")
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
    refusal = _refusal(voucher, merchants)
    if refusal is not None:
        raise _Refused(refusal, typed=not code.is_signed, tail=code.number[-4:], voucher=voucher)
    return Checked(voucher=voucher, is_signed=code.is_signed)


def _refusal(voucher: Voucher, merchants: Sequence[int]) -> VoucherRefused | None:
    if voucher.merchant_id not in merchants:
        return VoucherRefused("elsewhere", "这张券只能在“%(name)s”用，请不要收。", name=voucher.merchant.name)
    if voucher.state == states.REDEEMED and voucher.redeemed_at:
        when = f"{clock.city_time(voucher.redeemed_at):%m-%d %H:%M}"
        return VoucherRefused("used", "这张券 %(when)s 已经用过，请不要收。", when=when)
    if voucher.state == states.CANCELLED:
        return VoucherRefused("returned", "顾客已退回这张券，请不要收。")
    if voucher.state == states.EXPIRED or voucher.expires_at <= clock.now():
        when = f"{clock.city_time(voucher.expires_at):%m-%d %H:%M}"
        return VoucherRefused("expired", "这张券 %(when)s 已过期，请不要收，积分会退给顾客。", when=when)
    return None
