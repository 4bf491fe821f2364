"""Phones that take vouchers without network: what they need to know, a shop's list, and all of them for administrators."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, IntegerField, Max, Q, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from qixia.kernel import clock, hours, tokens
from qixia.people.access import Actor
from qixia.people.queries import Org, organisations_by_id
from qixia.rewards import offline
from qixia.rewards.access import kept_phones, merchant_ids
from qixia.rewards.errors import NotAMerchant
from qixia.rewards.models import Item, OfflineScan, TillDevice
from qixia.rewards.qr import PURPOSE
from qixia.rewards.queries.money import yuan

PAGE = 40
AHEAD = timedelta(days=3)
# What the till says without network. Keys are the reasons that scripts give; {…} are filled there.
WORDS = {
    "typed": "没有网络时只能扫码，不能输券号。",
    "forged": "二维码的签名不对，这不是本市发的券，请不要收。",
    "stale": "二维码不是现在的，请顾客刷新二维码。",
    "elsewhere": "这张券是别家的，请不要收。",
    "expired": "这张券已过期，请不要收。",
    "early": "这张券还没到能用的时候。",
    "hours": "现在不是这张券的使用时段。",
    "used": "这张券已经用完，请不要收。",
    "mine": "这部手机已经收过这张券，请不要再收。",
    "item": "这张券是新上的，这部手机还不认识，请联网后再收。",
    "units": "最多还能用 {left}。",
    "no_value": "这张券没有写价值，请等有网络再收。",
    "scan_cap": "离线一笔最多收 {most} 元，请等有网络再收。",
    "unsent_cap": "离线收的还没上传，快到上限了，只能再收 {left} 元，请等有网络再收。",
    "unsent_count": "离线收的已有 {most} 笔没上传，请等有网络再收。",
    "no_phone": "这部手机没有登记离线收券，请等有网络再收。",
    "revoked": "这部手机已停用，不能离线收券。",
    "ended": "这部手机的离线证书到期了，请联网后再收。",
    "store": "这部手机存不下，不能离线收，请等有网络再收。",
    "broken": "出了点问题，这张券没有收，请再扫一次。",
}


@dataclass(frozen=True, slots=True)
class Phone:
    """What a phone keeps of itself."""

    device: str
    merchant: str
    label: str
    certificate: str
    limits: offline.Certificate
    now: int


def phone(row: TillDevice) -> Phone:
    raw = tokens.verify_offline(tokens.unb64(row.certificate), public=tokens.public_key(offline.PURPOSE))
    paper = offline.Certificate.model_validate_json(raw)
    return Phone(row.public_id, paper.merchant, row.label, row.certificate, paper, _now_ms())


def shop_id(actor: Actor, public_id: str) -> int:
    """The actor's shop with this public id. NotAMerchant for another's."""
    found = organisations_by_id(merchant_ids(actor)).items()
    shop = next((pk for pk, one in found if one.public_id == public_id), None)
    if shop is None:
        raise NotAMerchant
    return shop


def own_shops(actor: Actor) -> list[Org]:
    return list(organisations_by_id(merchant_ids(actor)).values())


@dataclass(frozen=True, slots=True)
class ScanAnswer:
    seq: int | None
    state: str
    reason: str
    words: str
    fen: int
    booked_fen: int
    borne_by: str


@dataclass(frozen=True, slots=True)
class Answers:
    answers: list[ScanAnswer]
    now: int


def answers(given: Iterable[tuple[int | None, str, str, OfflineScan | None]]) -> Answers:
    """What the phone is told of each scan."""
    found = []
    for seq, state, reason, scan in given:
        words = _(offline.REASONS[reason]) if reason else ""
        fen, booked, bearer = (scan.fen, scan.booked_fen, scan.borne_by) if scan else (0, 0, "")
        found.append(ScanAnswer(seq, state, reason, words, fen, booked, bearer))
    return Answers(found, _now_ms())


def offline_kit(actor: Actor) -> str:
    """JSON for the page of the till: what it needs to go on without network. Two queries."""
    shops = organisations_by_id(merchant_ids(actor))
    items = Item.objects.filter(merchant_id__in=shops).only("pk", "name", "kind", "windows")
    kit = {
        "key": tokens.b64(tokens.public_key(PURPOSE)),
        "shops": [{"id": one.public_id, "code": one.code, "name": one.name} for one in shops.values()],
        "items": {row.pk: {"name": row.name, "kind": row.kind, "open": _open(row.windows)} for row in items},
        "words": {key: _(words) for key, words in WORDS.items()},
        "now": _now_ms(),
    }
    return json.dumps(kit, ensure_ascii=False)


def _open(windows: str) -> list[tuple[int, int]] | None:
    """When the item can be taken in the next days, seconds UTC; None: always. A phone knows no grammar of hours."""
    if not windows:
        return None
    now = clock.now()
    found, at, end = [], now, now + AHEAD
    while at < end:
        until = hours.next_change(windows, at) or end
        if hours.is_open(windows, at):
            found.append((int(at.timestamp()), int(until.timestamp())))
        at = max(until, at + timedelta(minutes=1))
    return found


def _now_ms() -> int:
    return int(clock.now().timestamp() * 1000)


# ── lists ─────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class PhoneLine:
    """A phone in a list. `missing`: numbers below the highest that it never sent."""

    id: int
    public_id: str
    label: str
    shop: str
    enrolled_at: datetime
    seen_at: datetime
    valid_until: datetime
    revoked_at: datetime | None
    scans: int
    lost: int
    refused: int
    missing: int
    lost_fen: int
    last_scan: datetime | None

    @property
    def state(self) -> str:
        """in_use, ended (by its certificate) or revoked."""
        if self.revoked_at:
            return "revoked"
        return "in_use" if self.valid_until > clock.now() else "ended"

    @property
    def lost_value(self) -> str:
        return yuan(self.lost_fen) if self.lost_fen else ""


def _lines(actor: Actor) -> Any:
    lost = Q(scans__state=offline.LOST)
    return kept_phones(actor).annotate(
        count=Count("scans"),
        lost=Count("scans", filter=lost),
        refused=Count("scans", filter=Q(scans__state=offline.REFUSED)),
        lost_fen=Coalesce(Sum(F("scans__fen") - F("scans__booked_fen"), filter=lost, output_field=IntegerField()), 0),
        last_scan=Max("scans__taken_at"),
    )


def _line(row: Any) -> PhoneLine:
    return PhoneLine(
        id=row.pk,
        public_id=row.public_id,
        label=row.label,
        shop=row.merchant.name,
        enrolled_at=row.enrolled_at,
        seen_at=row.seen_at,
        valid_until=row.valid_until,
        revoked_at=row.revoked_at,
        scans=row.count,
        lost=row.lost,
        refused=row.refused,
        missing=max(row.last_seq - row.count, 0),
        lost_fen=row.lost_fen,
        last_scan=row.last_scan,
    )


def shop_phones(actor: Actor) -> list[PhoneLine]:
    """The phones of the actor's own shops, those in use first. One query."""
    rows = (
        _lines(actor).filter(merchant_id__in=merchant_ids(actor)).order_by(F("revoked_at").asc(nulls_first=True), "-pk")
    )
    return [_line(row) for row in rows[:100]]


def all_phones(actor: Actor, *, before: int | None = None, only: str = "") -> tuple[list[PhoneLine], int | None]:
    """A page of all phones, the newest first, and where the next begins. `only` "hiding": those with numbers that never
    came. One query."""
    rows = _lines(actor).order_by("-pk")
    if only == "hiding":
        rows = rows.filter(last_seq__gt=F("count"))
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = [_line(row) for row in rows[: PAGE + 1]]
    return found[:PAGE], found[PAGE - 1].id if len(found) > PAGE else None
