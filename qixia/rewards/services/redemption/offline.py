"""What phones took without network, as it arrives: book, or say who was faster and who bears it.

First    who arrives at the server first has the voucher; a phone's clock decides nothing. What the voucher still has is booked,
         the rest of the scan is a loss that the policy `rewards.offline` gives to the shop, the city or the rider.
Once     by phone and number (`seq`), each in a transaction of its own: a batch that breaks off goes on where it was, and a
         scan that is sent twice has one row and one answer. A confirmation that did arrive while the phone believed that the
         network had broken carries the same redeem key, and is that use.
Cap      of what a phone held unsent: all that arrived from it after the moment of taking. Who sends in another order or
         in pieces gains nothing. A moment of taking that is still to come counts back from now.
Borne    of one voucher no more than it had left when it came back, and of one that was used no more than it was good for,
         whatever number of scans arrives; of one phone no more than the voucher was good for; of one shop in 24 hours no more
         than the policy says. The rest is the shop's. Worth: what the city pays for a taking (settling.worth_of).
Books    the city: 分 from its budget to the shop, at once or when there is cover. The rider: of what came back for the
         voucher, points to the shop, what is missing becomes debt; an entry that says why and can be appealed against.
         Points that were forfeited stay so: the rider has paid, the shop gets its 分. The shop: nothing moves.
Counts   a voucher that came back and had been taken counts against the limit per person, and takes a piece if there is one.
Locks    phone → voucher → shop → purses → slices → item.
Errors   NoSuchPhone, Invalid ("scans"): nothing changed. All else is an answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Count, Q, Sum
from django.utils.translation import gettext as _

from qixia.audit.services import record
from qixia.kernel import clock, hours, p256, tokens
from qixia.kernel.errors import DomainError, Invalid
from qixia.notices.services import Tell, tell_many
from qixia.people.access import SYSTEM, Actor
from qixia.people.queries import staff_of
from qixia.policy import queries as policy
from qixia.rewards import closing, offline, rules, sealing, settling, states
from qixia.rewards.access import kept_phone, merchant_ids
from qixia.rewards.errors import NoCover, NoSuchPhone, VoucherOver
from qixia.rewards.models import Closure, OfflineScan, TillDevice, Use, Voucher
from qixia.rewards.qr import BadCode, read_code
from qixia.rewards.services import books, telling
from qixia.rewards.services.money import settle_money
from qixia.rewards.services.redemption.devices import lock_shop, read_certificate
from qixia.rewards.services.redemption.pieces import take_back
from qixia.rewards.services.redemption.taking import Taker, holder_keeps, take
from qixia.rewards.services.settling import moves

LOSS = "rewards.offline_loss"
TILL = "/m"
DAY = timedelta(hours=24)
# What the rider reads beside the entry.
WHY = {
    offline.USED: "这张券在店里离线用过，上传时已经没有余额",
    offline.RETURNED: "这张券在店里离线用过以后又退了，退回的积分收回",
    offline.EXPIRED: "这张券在店里离线用过，上传前按过期退了积分，现在收回",
}


@dataclass(frozen=True, slots=True)
class Signed:
    """A line of JSON as the phone signed it (offline.Body), and its signature in base64url."""

    body: str
    signature: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one scan. No `scan`: nothing was kept of it, because this phone has not signed it so."""

    seq: int | None
    state: str
    reason: str
    scan: OfflineScan | None = None


class _Refused(Exception):
    """Names the reason."""


def book_offline(*, actor: Actor, device: str, certificate: str, scans: Sequence[Signed]) -> list[Answer]:
    """Answer up to 50 scans of one phone of the actor's shop, in their order."""
    if kept_phone(actor, device).merchant_id not in merchant_ids(actor) or actor.person_id is None:
        raise NoSuchPhone
    if not 1 <= len(scans) <= offline.BATCH:
        raise Invalid("一次最多上传 %(most)d 笔。", field="scans", most=offline.BATCH)
    return [_answer(actor, actor.person_id, device, certificate, signed) for signed in scans]


@transaction.atomic
def _answer(actor: Actor, person_id: int, device: str, certificate: str, signed: Signed) -> Answer:
    phone = kept_phone(actor, device, lock=True)
    body = _read(phone, signed)
    if body is None:
        record("rewards.scan_forged", subject=f"till:{device}", actor=actor.ref)
        return Answer(None, offline.REFUSED, "forged")
    digest = hashlib.sha256(signed.body.encode()).hexdigest()
    known = OfflineScan.objects.filter(device=phone, seq=body.seq).first()
    if known is not None and known.digest == digest:
        return Answer(known.seq, known.state, known.reason, known)
    if known is not None:
        record("rewards.scan_reused", subject=f"till:{device}", actor=actor.ref, seq=body.seq)
        return Answer(body.seq, offline.REFUSED, "reused")
    scan = OfflineScan(
        device=phone,
        seq=body.seq,
        digest=digest,
        key=body.key,
        units=body.units,
        taken_at=body.moment,
        received_at=clock.now(),
        by_id=person_id,
    )
    try:
        voucher = _voucher_of(scan, phone, body, certificate)
        _book(scan, voucher, actor)
    except _Refused as refused:
        scan.state, scan.reason = offline.REFUSED, str(refused)
    _keep(scan, phone, actor)
    return Answer(scan.seq, scan.state, scan.reason, scan)


def _read(phone: TillDevice, signed: Signed) -> offline.Body | None:
    try:
        body = offline.Body.model_validate_json(signed.body)
        signature = tokens.unb64(signed.signature)
    except (ValueError, tokens.BadToken):
        return None
    said = offline.PREFIX + signed.body.encode()
    is_own = body.device == phone.public_id
    return body if is_own and p256.is_signed(said, signature, public=tokens.unb64(phone.public_key)) else None


def _voucher_of(scan: OfflineScan, phone: TillDevice, body: offline.Body, certificate: str) -> Voucher:
    """The voucher of a scan that nothing speaks against, locked. _Refused names what does."""
    if phone.revoked_at is not None:
        raise _Refused("revoked")
    paper = read_certificate(certificate, phone)
    if paper is None:
        raise _Refused("certificate")
    try:
        code = read_code(body.code)
    except BadCode as bad:
        raise _Refused("bad_code") from bad
    if not code.is_signed:
        raise _Refused("bad_code")
    scan.tail = code.number[-4:]
    ends = datetime.fromtimestamp(code.expires_at, UTC)
    shown = offline.Shown(code.merchant, ends, code.shown_at)
    if reason := offline.refusal(body, paper, shown, now=scan.received_at):
        raise _Refused(reason)
    if _out_of_order(scan, paper):
        raise _Refused("order")
    found = Voucher.objects.select_for_update(of=("self",), no_key=True)
    found = found.select_related("person", "merchant", "item")
    voucher = found.filter(public_id=code.public_id, number=code.number).first()
    if voucher is None:
        raise _Refused("unknown")
    if voucher.merchant_id != phone.merchant_id:
        raise _Refused("elsewhere")
    if holder_keeps(voucher):
        raise _Refused("own")
    scan.voucher = voucher
    if reason := _not_then(voucher, scan.taken_at):
        raise _Refused(reason)
    if body.units > voucher.total:
        raise _Refused("units")
    scan.fen = offline.worth(voucher.face_value_fen or 0, body.units, voucher.total)
    if not _worth(voucher, 0, voucher.total):
        raise _Refused("no_value")  # no cap could hold it
    scan.worth_fen = _worth(voucher, 0, body.units)
    if reason := offline.over_cap(paper, scan.worth_fen, _held(scan, paper)):
        raise _Refused(reason)
    return voucher


def _not_then(voucher: Voucher, taken: datetime) -> str:
    """Why it could not be taken at that moment."""
    if voucher.opens_at and voucher.opens_at > taken:
        return "early"
    if voucher.windows and not hours.is_open(voucher.windows, taken):
        return "hours"
    closed = Closure.objects.filter(merchant_id=voucher.merchant_id, since__lte=taken).exclude(ended_at__lte=taken)
    return "closed" if closed.exclude(vouchers=closing.HONOUR).exists() else ""


def _out_of_order(scan: OfflineScan, paper: offline.Certificate) -> bool:
    """A phone counts upwards: what it numbered earlier was not taken later, but for a clock that was set. Nor was what
    arrives now taken before the phone was last online with nothing more to send."""
    slack = timedelta(minutes=paper.ahead_minutes)
    later_before = Q(seq__lt=scan.seq, taken_at__gt=scan.taken_at + slack)
    earlier_after = Q(seq__gt=scan.seq, taken_at__lt=scan.taken_at - slack)
    newest = read_certificate(scan.device.certificate, scan.device)
    if newest is not None and scan.taken_at.timestamp() < newest.start - slack.total_seconds():
        return True  # a phone sends all it has before it asks for a new certificate
    others = OfflineScan.objects.filter(device=scan.device).exclude(state=offline.REFUSED)
    return others.filter(later_before | earlier_after).exists()


def _held(scan: OfflineScan, paper: offline.Certificate) -> tuple[int, int]:
    """分 and number of what arrived from the phone after it took this: it held all that unsent, or took it later. A clock that
    is ahead of ours says nothing about the order: then all counts that may lie so close."""
    since = scan.taken_at
    if since > scan.received_at:
        since = scan.received_at - timedelta(minutes=paper.shown_minutes + paper.ahead_minutes)
    others = OfflineScan.objects.filter(device=scan.device, received_at__gte=since)
    sums = others.exclude(state=offline.REFUSED).aggregate(fen=Sum("worth_fen"), count=Count("id"))
    return sums["fen"] or 0, sums["count"]


def _worth(voucher: Voucher, before: int, units: int) -> int:
    """分 that the city pays for units of a voucher, after `before` of them."""
    face = voucher.face_value_fen
    return settling.worth_of(
        fen=None if face is None else rules.share_of(voucher.total, before, units, face),
        settle_fen=voucher.settle_fen,
        total=voucher.total,
        before=before,
        units=units,
        pays=moves.terms().pays,
    )


def _book(scan: OfflineScan, voucher: Voucher, actor: Actor) -> None:
    """Book what the voucher still has; what it has not is a loss."""
    use = Use.objects.filter(merchant_id=voucher.merchant_id, redeem_key=scan.key).first()
    if use is not None and (use.voucher_id, use.units) != (voucher.pk, scan.units):
        raise _Refused("reused")
    left, reason = (scan.units, "") if use is not None else _left(voucher)
    units = min(left, scan.units)
    if use is None and units:
        use = _take(scan, voucher, units, actor)
    scan.booked_units = units
    scan.booked_fen = min(use.fen if use is not None else 0, scan.fen)
    scan.state = offline.ACCEPTED
    if units < scan.units:
        scan.state, scan.reason = offline.LOST, reason or offline.USED
        _bear(scan, voucher, actor)


def _take(scan: OfflineScan, voucher: Voucher, units: int, actor: Actor) -> Use:
    """_Refused where it cannot be taken: one scan never stops those behind it in the phone's queue."""
    try:
        return take(
            voucher=voucher,
            units=units,
            taker=Taker(actor_ref=actor.ref, person_id=scan.by_id, merchant_id=voucher.merchant_id),
            redeem_key=scan.key,
            taken_at=scan.taken_at,
            device=scan.device,
            offline=True,
        )
    except VoucherOver as over:  # its time is another one since the code was shown
        raise _Refused("over") from over
    except DomainError as error:
        raise _Refused("failed") from error


def _left(voucher: Voucher) -> tuple[int, str]:
    """What can be booked of it, and why it is not more. Past its end it still counts: it was taken before."""
    if voucher.state in states.USABLE:
        return voucher.left, ""
    return 0, {states.CANCELLED: offline.RETURNED, states.EXPIRED: offline.EXPIRED}.get(voucher.state, offline.USED)


def _bear(scan: OfflineScan, voucher: Voucher, actor: Actor) -> None:
    terms: offline.OfflinePolicy = policy.current(offline.KIND).data
    scan.borne_by = terms.bearer(scan.reason)
    if scan.borne_by != offline.MERCHANT:
        before = _share(scan, voucher)
        if not scan.borne_units or _of_the_day(voucher.merchant_id, scan) + scan.loss_fen > terms.borne_fen:
            scan.borne_by, scan.borne_units, scan.loss_fen = offline.MERCHANT, 0, 0
    if scan.borne_by == offline.CITY:
        _city_pays(scan, voucher, actor.ref)
    if scan.borne_by == offline.RIDER:
        scan.borne_fen, scan.borne_points = scan.loss_fen, _to_recover(voucher, before, scan)
        if scan.borne_points:
            _rider_pays(scan, voucher, actor.ref)
    if scan.reason != offline.USED:
        _count(voucher)


def _share(scan: OfflineScan, voucher: Voucher) -> int:
    """Put down how much of the loss others may bear and what that is worth; returns what of the voucher comes before it."""
    earlier = OfflineScan.objects.filter(voucher=voucher).exclude(state=offline.REFUSED)
    sums = earlier.aggregate(borne=Sum("borne_units"), here=Sum("units", filter=Q(device=scan.device)))
    before = (0 if scan.reason == offline.USED else voucher.used) + (sums["borne"] or 0)
    scan.borne_units = offline.bearable(
        lost=scan.units - scan.booked_units,
        left=voucher.total - before,
        by_device=(sums["here"] or 0) + scan.booked_units,
        total=voucher.total,
    )
    scan.loss_fen = _worth(voucher, before, scan.borne_units)
    return before


def _of_the_day(merchant: int, scan: OfflineScan) -> int:
    """分 of the shop's losses of 24 hours that others bear, whatever phones it had."""
    lock_shop(merchant)
    lost = OfflineScan.objects.filter(device__merchant_id=merchant, received_at__gt=scan.received_at - DAY)
    return lost.filter(state=offline.LOST).aggregate(fen=Sum("loss_fen"))["fen"] or 0


def _to_recover(voucher: Voucher, before: int, scan: OfflineScan) -> int:
    """Points of the part that came back to the rider. What was forfeited when the voucher ended is paid already, and counts
    first; of a voucher that was used up nothing came back, there the policy lets the rider pay a second time."""
    start = 0 if scan.reason == offline.USED else voucher.used
    forfeited = 0 if scan.reason == offline.USED else voucher.points_left - voucher.returned

    def through(end: int) -> int:
        return max(rules.share_of(voucher.total, start, end - start, voucher.price) - forfeited, 0)

    return through(before + scan.borne_units) - through(before)


def _count(voucher: Voucher) -> None:
    """It came back and had been taken: against the limit per person, and out of stock, once."""
    first = Voucher.objects.filter(pk=voucher.pk, taken_offline=False).update(taken_offline=True)
    if first and not voucher.used:
        take_back(voucher.item_id)


def _city_pays(scan: OfflineScan, voucher: Voucher, actor: str) -> bool:
    """False when no budget covers it: then it waits (settle_losses)."""
    fen = scan.loss_fen
    if fen:
        payee = f"organisation:{voucher.merchant.public_id}"
        try:
            settle_money(payee=payee, fen=fen, source=f"till-scan:{scan.public_id}", act=LOSS, actor=actor)
        except NoCover:
            return False
    scan.borne_fen, scan.settled_at = fen, clock.now()
    return True


def _rider_pays(scan: OfflineScan, voucher: Voucher, actor: str) -> None:
    owner, points = f"person:{voucher.person.public_id}", scan.borne_points
    purse = books.lock_purses([owner], need=(rules.AVAILABLE, rules.DEBT), lots=True)[owner]
    taken = rules.out_of_purse(points, purse.balance(rules.AVAILABLE))
    lines = books.spend(purse, -taken[rules.AVAILABLE]) if rules.AVAILABLE in taken else []
    if rules.DEBT in taken:
        lines.append(books.move(purse.pots[rules.DEBT], taken[rules.DEBT]))
    settlement = books.collecting(f"organisation:{voucher.merchant.public_id}", rules.SETTLEMENT)
    source, owed = f"till-scan:{scan.public_id}", -taken.get(rules.DEBT, 0)
    params = {
        "title": voucher.name,
        "number": voucher.number,
        "link": f"/vouchers/{voucher.public_id}",
        "reason": WHY[scan.reason],
        "owed": owed,
    }
    draft = books.Draft(
        key=sealing.stored_key(rules.posting_key(offline.RULE, source, owner)),
        kind=rules.SPEND,
        rule=offline.RULE,
        rule_version=voucher.rule_version,
        act=LOSS,
        source=sealing.stored_source(source),
        beneficiary=owner,
        actor=actor,
        at=clock.now(),
        points=-points,
        nominal=-points,
        lines=[*lines, books.move(settlement[rules.slot_of(owner)], points)],
        available_after=purse.balance(rules.AVAILABLE),
        params=params,
    )
    made = books.write([draft])
    telling.recorded(made)
    said = {"name": voucher.name, "points": points, "owed": owed or "", "reason": _(WHY[scan.reason])}
    tell_many(
        [Tell(voucher.person_id, "voucher.offline_debit", said, f"{telling.LEDGER}/{made[0].pk}", f"debit|{source}")]
    )


def _keep(scan: OfflineScan, phone: TillDevice, actor: Actor) -> None:
    """The row, what the phone has shown of itself, history, and a word to the shop when something was not booked."""
    scan.save(force_insert=True)
    seen = TillDevice.objects.filter(pk=phone.pk)
    seen.update(seen_at=scan.received_at, last_seq=max(phone.last_seq, scan.seq))
    said = {"state": scan.state, "reason": scan.reason, "fen": scan.fen, "borne_by": scan.borne_by}
    record("rewards.scan_answered", subject=f"till:{phone.public_id}", actor=actor.ref, seq=scan.seq, **said)
    if scan.state != offline.ACCEPTED:
        hour = f"{scan.received_at:%Y%m%d%H}"  # a batch of many tells its shop once
        tell_many(
            Tell(
                person_id=keeper.person_id,
                template="shop.not_booked",
                params={"tail": scan.tail, "reason": _(offline.REASONS[scan.reason]), "phone": phone.label},
                link=TILL,
                key=f"till|{phone.public_id}|{hour}|{keeper.person_id}",
            )
            for keeper in staff_of(phone.merchant_id, "merchant")
        )


def settle_losses(*, limit: int = 100) -> int:
    """Put down what the city bears and no budget covered, oldest first, as far as there is cover now. Returns how many."""
    waits = OfflineScan.objects.filter(borne_by=offline.CITY, settled_at__isnull=True)
    done = 0
    for pk in list(waits.order_by("pk").values_list("pk", flat=True)[:limit]):
        with transaction.atomic():
            scan = waits.select_for_update(of=("self",)).select_related("voucher__merchant").filter(pk=pk).first()
            if scan is None or scan.voucher is None:
                continue  # somebody else did
            if not _city_pays(scan, scan.voucher, SYSTEM.ref):
                break
            scan.save(update_fields=["borne_fen", "settled_at"])
            done += 1
    return done
