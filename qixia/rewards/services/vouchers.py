"""Vouchers: reserve, give back, expire, redeem.

Locks    always in the order voucher → purses → item, so no two steps wait for each other in a circle. A person's own
         purse is locked before limits are counted, so the limit per person holds under any concurrency.
Points   reserve: available → held, from the lots that end first; what comes back goes into the lots it came from.
         Redeem: held → the merchant's settlement account. Cancel and expiry: held → purse
         (what is owed is repaid first) as far as the rules of the day of reserving say, the rest is forfeited.
Retries  reserve: the same client key returns the same voucher. Redeem: the same redeem key returns the same result.
         Cancel of a cancelled voucher returns it. Expiry happens exactly once (conditional update).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from qixia.kernel import clock, ids
from qixia.kernel.errors import NotAllowed
from qixia.people.access import SYSTEM, Actor
from qixia.policy import queries as policy
from qixia.rewards import rules, sealing, states, terms
from qixia.rewards.access import merchant_ids, own_voucher
from qixia.rewards.errors import (
    BadClientKey,
    ItemGone,
    KeyReused,
    LimitReached,
    NoSuchItem,
    NotAMerchant,
    NotEnoughPoints,
    SoldOut,
    TooManyTries,
    VoucherEnded,
    VoucherRefused,
)
from qixia.rewards.models import Entry, Item, Refusal, Voucher
from qixia.rewards.qr import BadCode, read_code
from qixia.rewards.queries.terms import books_terms
from qixia.rewards.services import books, telling
from qixia.rewards.services.points import KIND

EXPIRE_BATCH = 200
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


@transaction.atomic
def reserve(*, actor: Actor, item: str, client_key: str) -> Voucher:
    """Spend points on one piece of `item` (public id). The same client key returns the voucher it made first."""
    if actor.person_id is None or not actor.has("rider"):
        raise NotAllowed
    _check_key(client_key)
    purse = books.lock_purses([actor.ref], need=(rules.AVAILABLE, rules.HELD), lots=True)[actor.ref]
    wanted = Item.objects.select_related("merchant").filter(public_id=item).first()
    if wanted is None:
        raise NoSuchItem
    earlier = Voucher.objects.filter(person_id=actor.person_id, client_key=client_key).first()
    if earlier is not None:
        if earlier.item_id != wanted.pk:
            raise KeyReused(field="client_key")
        return earlier
    _may_have(wanted, actor.person_id, purse)
    if not Item.objects.filter(pk=wanted.pk, active=True, stock__gte=1).update(stock=F("stock") - 1):
        raise SoldOut(name=wanted.name)
    voucher = _new_voucher(wanted, actor.person_id, client_key)
    _post(
        voucher,
        purse=purse,
        step="reserve",
        kind=rules.SPEND,
        actor=actor.ref,
        points=-voucher.price,
        lines=[*books.spend(purse, voucher.price), books.move(purse.pots[rules.HELD], voucher.price)],
    )
    telling.stepped("reserve", [voucher], actor=actor.ref)
    return voucher


def _check_key(key: str) -> None:
    if not (8 <= len(key) <= 64 and key.isascii() and key.isprintable()):
        raise BadClientKey(field="client_key")


def _may_have(item: Item, person_id: int, purse: books.Purse) -> None:
    if not item.active:
        raise ItemGone(name=item.name)
    if item.limit_per_person is not None:
        mine = Voucher.objects.filter(person_id=person_id, item=item, state__in=states.COUNTED)
        if item.limit_days is not None:
            mine = mine.filter(created_at__gt=clock.now() - timedelta(days=item.limit_days))
        if mine.count() >= item.limit_per_person:
            raise LimitReached(name=item.name, limit=item.limit_per_person)
    if item.stock < 1:
        raise SoldOut(name=item.name)
    if purse.balance(rules.AVAILABLE) < item.price:
        raise NotEnoughPoints(needed=item.price, balance=purse.balance(rules.AVAILABLE))


def _new_voucher(item: Item, person_id: int, client_key: str) -> Voucher:
    now = clock.now()
    # The unique index decides; drawing a few at once makes a collision among 10^8 numbers a matter of one query.
    drawn = [ids.new_number() for _ in range(4)]
    taken = set(Voucher.objects.filter(number__in=drawn).values_list("number", flat=True))
    last_day = clock.city_date(now) + timedelta(days=item.valid_days)
    return Voucher.objects.create(
        number=next(number for number in drawn if number not in taken),
        item=item,
        person_id=person_id,
        merchant=item.merchant,
        name=item.name,
        price=item.price,
        face_value_fen=item.face_value_fen,
        rule_version=policy.current(KIND).version,
        created_at=now,
        # Through the whole of the last day: nobody loses a lunch to the minute of the hour of ordering.
        expires_at=clock.city_day(last_day)[1],
        client_key=client_key,
    )


@transaction.atomic
def cancel(*, actor: Actor, voucher: str) -> Voucher:
    """Give an unused voucher back for its points (by rule). VoucherEnded if it was used or has expired."""
    row = own_voucher(actor, voucher)
    if row.state == states.CANCELLED:
        return row
    now = clock.now()
    stepped = Voucher.objects.filter(pk=row.pk, state=states.RESERVED, expires_at__gt=now).update(
        state=states.result("cancel"), ended_at=now
    )
    row.refresh_from_db()
    if not stepped:
        if row.state == states.CANCELLED:
            return row
        known = states.EXPIRED if row.state == states.RESERVED else row.state
        raise VoucherEnded(state=_(states.LABELS[known]))
    _give_back([row], step="cancel", actor=actor.ref)
    return row


@transaction.atomic
def expire_due(*, limit: int = EXPIRE_BATCH) -> int:
    """Expire up to `limit` vouchers whose time has come and give points back by rule. Returns how many."""
    now = clock.now()
    due = Voucher.objects.filter(state=states.RESERVED, expires_at__lte=now).order_by("id")
    rows = list(due.select_related("person", "merchant").select_for_update(skip_locked=True, of=("self",))[:limit])
    Voucher.objects.filter(pk__in=[row.pk for row in rows], state=states.RESERVED).update(
        state=states.result("expire"), ended_at=now
    )
    for row in rows:
        row.state, row.ended_at = states.EXPIRED, now
    _give_back(rows, step="expire", actor=SYSTEM.ref)
    return len(rows)


def _give_back(rows: Sequence[Voucher], *, step: str, actor: str) -> None:
    """Points and stock of vouchers that ended unused."""
    if not rows:
        return
    refs = {row.pk: f"person:{row.person.public_id}" for row in rows}
    purses = books.lock_purses(refs.values(), need=(rules.AVAILABLE, rules.HELD))
    forfeited = books.collecting(rules.CITY, rules.FORFEITED)
    came_from = _came_from(rows, refs)
    drafts = [
        _return_draft(row, purses[refs[row.pk]], came_from[row.pk], forfeited, step=step, actor=actor) for row in rows
    ]
    books.write(drafts)
    Voucher.objects.bulk_update(rows, ["returned"])
    for item_id, count in sorted(Counter(row.item_id for row in rows).items()):
        Item.objects.filter(pk=item_id).update(stock=F("stock") + count)
    telling.stepped(step, rows, actor=actor)


def _came_from(rows: Sequence[Voucher], refs: Mapping[int, str]) -> dict[int, list[tuple[date, int]]]:
    """Voucher → the lots that paid for it, as the entries of its posting say, none of them ending at once. One
    statement. What was paid before lots were kept lives as long as points of today."""
    keys = {_key_of(row, "reserve", refs[row.pk]): row.pk for row in rows}
    found: dict[int, list[tuple[date, int]]] = {row.pk: [] for row in rows}
    policy_now, today = books_terms().lots, clock.city_date(clock.now())
    entries = Entry.objects.filter(posting__key__in=keys, account__kind=rules.AVAILABLE)
    for key, end, amount in entries.values_list("posting__key", "expires_on", "amount"):
        end = end or terms.last_day(policy_now, today)
        found[keys[key]].append((terms.with_grace(policy_now, end, today), -amount))
    return found


def _return_draft(
    row: Voucher,
    purse: books.Purse,
    came_from: Sequence[tuple[date, int]],
    forfeited: list[books.Pot],
    *,
    step: str,
    actor: str,
) -> books.Draft:
    # The percentages that held when the voucher was made: that is what the rider was told.
    data: rules.PointsPolicy = policy.current(KIND, row.created_at).data
    back, lost = rules.share(row.price, data.cancel_returns if step == "cancel" else data.expiry_returns)
    lines = books.income_in_parts(purse, terms.last_in(back, came_from), purse.pots[rules.HELD]) if back else []
    if lost:
        lines += [
            books.move(purse.pots[rules.HELD], -lost),
            books.move(forfeited[rules.slot_of(purse.owner_ref)], lost),
        ]
    row.returned = back
    return _draft(
        row,
        purse=purse,
        step=step,
        kind=rules.RETURN if step == "cancel" else rules.EXPIRE,
        actor=actor,
        points=back,
        lines=lines,
    )


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
    _check_key(redeem_key)
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
    _post(
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


def _key_of(voucher: Voucher, step: str, owner_ref: str) -> str:
    return sealing.stored_key(rules.posting_key(f"voucher.{step}", f"voucher:{voucher.public_id}", owner_ref))


def _draft(
    voucher: Voucher, *, purse: books.Purse, step: str, kind: str, actor: str, points: int, lines: list[books.Line]
) -> books.Draft:
    source = f"voucher:{voucher.public_id}"
    return books.Draft(
        key=_key_of(voucher, step, purse.owner_ref),
        kind=kind,
        rule=f"voucher.{step}",
        rule_version=voucher.rule_version,
        act=telling.EVENT_OF[step],
        source=source,
        beneficiary=purse.owner_ref,
        actor=actor,
        at=clock.now(),
        points=points,
        nominal=-voucher.price if step == "reserve" else voucher.price,
        lines=lines,
        available_after=purse.balance(rules.AVAILABLE),
        params={"title": voucher.name, "number": voucher.number, "link": f"/vouchers/{voucher.public_id}"},
    )


def _post(
    voucher: Voucher, *, purse: books.Purse, step: str, kind: str, actor: str, points: int, lines: list[books.Line]
) -> None:
    books.write([_draft(voucher, purse=purse, step=step, kind=kind, actor=actor, points=points, lines=lines)])
