"""What issuing a month would bring, before anybody does it. Only reads; the same prices as `gathering` writes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Q, Sum

from qixia.kernel import clock
from qixia.people.access import Actor
from qixia.people.queries import organisations_by_id
from qixia.rewards import offline, rules, settling
from qixia.rewards.access import must_settle
from qixia.rewards.models import Budget, Statement, Use
from qixia.rewards.services.settling import gathering
from qixia.rewards.services.settling.moves import terms


@dataclass(slots=True)
class Foreseen:
    """One merchant's month as it would be issued. `is_own`: of a shop of whoever looks."""

    merchant_id: int
    shop: str = ""
    uses: int = 0
    late: int = 0
    points: int = 0
    fen: int = 0
    needs_fen: int = 0
    brought_fen: int = 0
    is_own: bool = False

    @property
    def total(self) -> int:
        return self.fen + self.brought_fen


@dataclass(frozen=True, slots=True)
class Preview:
    month: date
    rows: list[Foreseen]
    smallest_fen: int
    cover_fen: int

    @property
    def needs_fen(self) -> int:
        return sum(row.needs_fen for row in self.rows)

    @property
    def is_short(self) -> bool:
        return self.needs_fen > self.cover_fen


def preview_month(actor: Actor, month: date) -> Preview:
    """Reads every open use of the month once, a page at a time."""
    must_settle(actor)
    month = settling.first_of(month)
    done = set(
        Statement.objects.filter(month=month).exclude(state=settling.DRAFT).values_list("merchant_id", flat=True)
    )
    rows = {pk: Foreseen(pk) for pk in gathering.merchants_with_matter(month) if pk not in done}
    _add_drafts(rows, month)
    for use, worth in _priced(month, rows):
        row = rows[use.merchant_id]
        row.uses, row.points, row.fen = row.uses + 1, row.points + use.points, row.fen + worth
        row.needs_fen += worth
        row.late += settling.first_of(clock.city_date(use.taken_at)) < month
    _add_rest(rows, month)
    own = actor.organisation_ids("merchant")
    for pk, shop in organisations_by_id(rows).items():
        rows[pk].shop, rows[pk].is_own = shop.name, pk in own
    found = sorted(rows.values(), key=lambda row: (-row.total, row.shop))
    return Preview(month, found, terms().smallest_fen, cover_left())


def _priced(month: date, merchants: Iterable[int]) -> Any:
    wanted, last = gathering.open_uses(month, list(merchants)), 0
    while True:
        page: list[Use] = list(wanted.filter(pk__gt=last).select_related("voucher").order_by("pk")[: gathering.PAGE])
        yield from gathering.priced(page)
        if len(page) < gathering.PAGE:
            return
        last = page[-1].pk


def _add_drafts(rows: dict[int, Foreseen], month: date) -> None:
    """Lines that a run has gathered and that wait, for cover or for the next run."""
    drafts = Statement.objects.filter(month=month, state=settling.DRAFT)
    at_issue = Q(lines__kind=settling.USE) | Q(lines__kind=settling.LOSS, lines__borne_by=offline.RIDER)
    sums = (
        drafts.order_by()
        .values("merchant_id")
        .annotate(
            n=Count("lines", filter=Q(lines__kind=settling.USE)),
            behind=Count("lines", filter=Q(lines__late=True)),
            moved=Sum("lines__points"),
            worth=Sum("lines__fen"),
            needs=Sum("lines__fen", filter=at_issue),
        )
    )
    for one in sums:
        row = rows.setdefault(one["merchant_id"], Foreseen(one["merchant_id"]))
        row.uses, row.late, row.points = one["n"], one["behind"], one["moved"] or 0
        row.fen, row.needs_fen = one["worth"] or 0, one["needs"] or 0


def _add_rest(rows: dict[int, Foreseen], month: date) -> None:
    """Losses, corrections, and what was carried over."""
    for scan in gathering.open_losses(month).select_related("device"):
        row = rows[scan.device.merchant_id]
        row.points, row.fen = row.points + scan.borne_points, row.fen + scan.borne_fen
        row.needs_fen += scan.borne_fen if scan.borne_by == offline.RIDER else 0
    corrections = gathering.open_corrections().values_list("statement__merchant_id", "fen")
    for merchant, fen in corrections:
        if merchant in rows:
            rows[merchant].fen += fen
            rows[merchant].needs_fen += fen
    for merchant, fen in gathering.carried().filter(month__lt=month).values_list("merchant_id", "carried_fen"):
        if merchant in rows:
            rows[merchant].brought_fen += fen


def cover_left() -> int:
    """分 that the city's budget of today still has; 0 without one."""
    today = clock.city_date(clock.now())
    found = Budget.objects.filter(
        owner_ref=rules.CITY, unit=rules.FEN, starts_on__lte=today, ends_on__gte=today
    ).annotate(handed=Sum("slices__left"))
    return sum(budget.rest + (budget.handed or 0) for budget in found)
