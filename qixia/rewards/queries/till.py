"""A merchant's day at the till."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from qixia.kernel import clock
from qixia.people.access import Actor
from qixia.people.queries import organisations_by_id
from qixia.rewards.access import merchant_ids
from qixia.rewards.models import Refusal, Voucher
from qixia.rewards.queries.money import yuan

REFUSALS = {
    "unknown": "券号不对",
    "forged": "签名不对",
    "elsewhere": "别家的券",
    "used": "重复",
    "expired": "已过期",
    "returned": "已退回",
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
    """Four queries."""
    shops = merchant_ids(actor)
    today = clock.city_date(clock.now())
    start, _end = clock.city_day(today)
    month_start, _end = clock.city_day(today.replace(day=1))
    used = Voucher.objects.filter(merchant_id__in=shops, redeemed_at__gte=month_start)
    sums = used.aggregate(
        month=Count("id"),
        day=Count("id", filter=Q(redeemed_at__gte=start)),
        fen=Sum("face_value_fen", filter=Q(redeemed_at__gte=start)),
    )
    taken = [
        Taken(row.name, row.face_value_fen, row.number[-4:], row.redeemed_at or start, "", row.item.kind)
        for row in used.filter(redeemed_at__gte=start).select_related("item").order_by("-redeemed_at")[:50]
    ]
    refused = _refused_today(shops, start)
    names = "、".join(shop.name for shop in organisations_by_id(shops).values())
    lines = sorted([*taken, *refused], key=lambda line: line.at, reverse=True)[:50]
    return Till(names, sums["day"], sums["fen"] or 0, len(refused), sums["month"], lines)


def _refused_today(shops: Sequence[int], start: datetime) -> list[Taken]:
    rows: QuerySet[Refusal] = Refusal.objects.filter(merchant_id__in=shops, at__gte=start).select_related("voucher")
    return [
        Taken(
            row.voucher.name if row.voucher else "", None, row.tail, row.at, _(REFUSALS.get(row.reason, row.reason)), ""
        )
        for row in rows.order_by("-at")[:50]
    ]


@dataclass(frozen=True, slots=True)
class SeenAtTill:
    """A voucher as the merchant's staff sees it: what it is worth, nothing about its owner."""

    name: str
    number: str
    value: str
    kind: str
    terms: str
    last_moment: datetime


def seen_at_till(voucher: Voucher) -> SeenAtTill:
    return SeenAtTill(
        name=voucher.name,
        number=voucher.number,
        value=yuan(voucher.face_value_fen),
        kind=voucher.item.kind,
        terms=voucher.item.terms,
        last_moment=voucher.expires_at - timedelta(minutes=1),
    )
