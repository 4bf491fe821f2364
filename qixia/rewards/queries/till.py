"""A merchant's day at the till."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from qixia.kernel import clock
from qixia.people.access import Actor
from qixia.people.queries import organisations_by_id
from qixia.rewards import offline
from qixia.rewards.access import merchant_ids
from qixia.rewards.models import OfflineScan, Refusal, Use, Voucher
from qixia.rewards.queries.money import amount, yuan

# What follows the reason of a scan that was not booked.
_PAID = "，差的钱市里补给店里"
_WAITS = "，市里有预算以后补给店里"
_OF_THE_RIDER = "，顾客承担，差的钱补给店里"
_OWN = "，店里承担"
_REST = "，其余店里承担"
REFUSALS = {
    "unknown": "券号不对",
    "forged": "签名不对",
    "elsewhere": "别家的券",
    "own": "店里人自己的券",
    "used": "重复",
    "expired": "已过期",
    "returned": "已退回",
    "early": "还没到时候",
    "outside_window": "不在可用时段",
    "stale": "二维码太旧",
    "paused": "店暂停中",
    "closed": "店已停收",
}


@dataclass(frozen=True, slots=True)
class Taken:
    """One line of a merchant's day: taken, or refused with its reason."""

    title: str
    value_fen: int | None
    tail: str
    at: datetime
    refused: str
    kind: str
    part: str = ""
    offline: bool = False
    lost: str = ""  # taken without network and not booked: why, and who bears it

    @property
    def value(self) -> str:
        return yuan(self.value_fen)


@dataclass(frozen=True, slots=True)
class Till:
    """A merchant's day: who, how many, how much, and the lines, newest first."""

    names: str
    count: int
    value_fen: int
    refused: int
    month_count: int
    lines: list[Taken]

    @property
    def value(self) -> str:
        return f"{self.value_fen / 100:.2f}"


def till(actor: Actor) -> Till:
    """Five queries."""
    shops = merchant_ids(actor)
    today = clock.city_date(clock.now())
    start, _end = clock.city_day(today)
    month_start, _end = clock.city_day(today.replace(day=1))
    uses = Use.objects.filter(merchant_id__in=shops, at__gte=month_start)
    sums = uses.aggregate(
        month=Count("id"),
        day=Count("id", filter=Q(at__gte=start)),
        fen=Coalesce(Sum("fen", filter=Q(at__gte=start)), 0),
    )
    latest = uses.filter(at__gte=start).select_related("voucher__item").order_by("-at", "-pk")
    taken = [_taken(use) for use in latest[:50]]
    refused = _refused_today(shops, start)
    names = "、".join(shop.name for shop in organisations_by_id(shops).values())
    lost = _lost_today(shops, start)
    lines = sorted([*taken, *refused, *lost], key=lambda line: line.at, reverse=True)[:50]
    return Till(names, sums["day"], sums["fen"], len(refused), sums["month"], lines)


def _taken(use: Use) -> Taken:
    row = use.voucher
    fen = None if row.face_value_fen is None else use.fen
    part = amount(use.units, by_amount=row.by_amount) if row.asks_units and not row.by_amount else ""
    return Taken(row.name, fen, row.number[-4:], use.taken_at, "", row.item.kind, part, use.offline)


def _refused_today(shops: Sequence[int], start: datetime) -> list[Taken]:
    rows: QuerySet[Refusal] = Refusal.objects.filter(merchant_id__in=shops, at__gte=start).select_related("voucher")
    return [
        Taken(
            row.voucher.name if row.voucher else "", None, row.tail, row.at, _(REFUSALS.get(row.reason, row.reason)), ""
        )
        for row in rows.order_by("-at")[:50]
    ]


def _lost_today(shops: Sequence[int], start: datetime) -> list[Taken]:
    """What phones took without network and what was not booked, of what arrived today."""
    rows = OfflineScan.objects.filter(device__merchant_id__in=shops, received_at__gte=start)
    lost = rows.exclude(state=offline.ACCEPTED).select_related("voucher__item").order_by("-received_at")[:50]
    return [
        Taken(
            title=row.voucher.name if row.voucher else "",
            value_fen=row.fen - row.booked_fen or None,
            tail=row.tail,
            at=row.taken_at,
            refused="",
            kind=row.voucher.item.kind if row.voucher else "",
            offline=True,
            lost=_(offline.REASONS[row.reason]) + _borne(row),
        )
        for row in lost
    ]


def _borne(row: OfflineScan) -> str:
    """Who bears it, as it stands now: a loss that no budget covers yet is not paid."""
    if not row.borne_by:
        return ""
    if row.borne_by == offline.MERCHANT or not row.loss_fen:
        return _(_OWN)
    rest = _(_REST) if row.borne_units < row.units - row.booked_units else ""
    if row.borne_by == offline.RIDER:
        return _(_OF_THE_RIDER) + rest
    return _(_PAID if row.settled_at else _WAITS) + rest


@dataclass(frozen=True, slots=True)
class SeenAtTill:
    """A voucher as the merchant's staff sees it: what it is worth, nothing about its owner."""

    name: str
    number: str
    value: str
    kind: str
    terms: str
    last_moment: datetime
    asks_units: bool
    by_amount: bool
    left: int
    left_words: str
    taken_words: str


def seen_at_till(voucher: Voucher, taken: int = 0) -> SeenAtTill:
    """`taken`: units that were taken just now."""
    return SeenAtTill(
        name=voucher.name,
        number=voucher.number,
        value=yuan(voucher.face_value_fen),
        kind=voucher.item.kind,
        terms=voucher.terms,
        last_moment=voucher.expires_at - timedelta(minutes=1),
        asks_units=voucher.asks_units,
        by_amount=voucher.by_amount,
        left=voucher.left,
        left_words=amount(voucher.left, by_amount=voucher.by_amount),
        taken_words=amount(taken, by_amount=voucher.by_amount) if taken and voucher.asks_units else "",
    )
