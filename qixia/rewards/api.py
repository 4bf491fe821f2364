"""Points and vouchers over HTTP for apps: the same services as the pages. Mounted at /rewards.

Refusals are problem+json (RFC 9457) with `code` and `field`. `client_key` and `redeem_key` make a retry safe.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from django.http import HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field

from qixia.kernel.problem import Problem
from qixia.rewards import queries, services
from qixia.rewards.models import Voucher
from qixia.ui.access import allow

router = Router(tags=["rewards"])
READ = {401: Problem, 403: Problem, 422: Problem}
REFUSED = {**READ, 404: Problem, 409: Problem, 429: Problem}


class BalanceOut(Schema):
    balance: int = Field(description="points that can be spent now")
    held: int = Field(description="points in vouchers that wait to be used")
    owed: int = Field(description="points that later awards repay first")
    earned_this_month: int
    open_vouchers: int
    next_expiry: datetime | None


class EntryOut(Schema):
    id: int
    kind: Literal["award", "reversal", "spend", "return", "expire"]
    title: str
    points: int
    nominal: int = Field(description="what the rule says; more than `points` when the day's cap was reached")
    balance: int = Field(description="spendable points right after")
    at: datetime
    rule: str
    version: int
    reason: str
    link: str


class EntriesOut(Schema):
    entries: list[EntryOut]
    next: int | None = Field(description="give it as `before` to get older ones; null at the end")


class ItemOut(Schema):
    public_id: str
    name: str
    summary: str
    kind: str
    need: str
    price: int
    face_value_fen: int | None = Field(description="in 分 of money")
    stock: int
    limit: int | None
    limit_days: int | None
    mine: int = Field(description="how many count against your limit now")
    merchant: str
    valid_days: int
    is_available: bool


class VoucherOut(Schema):
    public_id: str
    number: str
    name: str
    state: Literal["reserved", "part_used", "redeemed", "expired", "cancelled"]
    price: int
    face_value_fen: int | None
    by_amount: bool = Field(description="whether `total` and `used` count 分 of its face value; else times")
    total: int
    used: int
    opens_at: datetime | None
    expires_at: datetime
    redeemed_at: datetime | None = Field(description="when the last of it was taken")


class ReserveIn(Schema):
    item: str = Field(max_length=26, description="public id of the item")
    client_key: str = Field(min_length=8, max_length=64, description="made by the phone; the same key is one voucher")


class RedeemIn(Schema):
    code: str = Field(max_length=400, description="what the QR code says, or the nine digits")
    redeem_key: str = Field(min_length=8, max_length=64, description="made by the till; the same key is one redemption")
    units: int | None = Field(None, ge=1, description="how much is taken of a voucher in parts: times, or 分 by amount")


@router.get("/balance", response={200: BalanceOut, **READ}, summary="My points")
@allow("rider")
def balance(request: HttpRequest) -> queries.Summary:
    return queries.summary_for(request.actor.ref)  # type: ignore[attr-defined]


@router.get("/entries", response={200: EntriesOut, **READ}, summary="My ledger, the newest first")
@allow("rider")
def entries(
    request: HttpRequest,
    only: Literal["all", "earned", "used", "reversed"] = "all",
    before: int | None = None,
) -> dict[str, object]:
    page = queries.entries_page(request.actor.ref, only=only, before=before)  # type: ignore[attr-defined]
    return {"entries": [row for month in page.months for row in month.rows], "next": page.next}


@router.get("/catalogue", response={200: list[ItemOut], **READ}, summary="What points buy")
@allow("rider")
def catalogue(request: HttpRequest) -> list[queries.Good]:
    return queries.goods(request.actor)  # type: ignore[attr-defined]


@router.post("/vouchers", response={201: VoucherOut, **REFUSED}, summary="Spend points on an item")
@allow("rider")
def reserve(request: HttpRequest, data: ReserveIn) -> Status[Voucher]:
    made = services.reserve(
        actor=request.actor,  # type: ignore[attr-defined]
        item=data.item,
        client_key=data.client_key,
    )
    return Status(201, made)


@router.post("/vouchers/redeem", response={200: VoucherOut, **REFUSED}, summary="Take a voucher at your shop")
@allow("merchant")
def redeem(request: HttpRequest, data: RedeemIn) -> Voucher:
    return services.redeem(
        actor=request.actor,  # type: ignore[attr-defined]
        text=data.code,
        redeem_key=data.redeem_key,
        units=data.units,
    ).voucher
