"""Points and vouchers over HTTP for apps: the same services as the pages. Mounted at /rewards, phones at tills at /till.

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
till = Router(tags=["till"])
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
    has_slots: bool = Field(description="taken by time: see /catalogue/{item}/times")
    lacks: list[str] = Field(description="what this rider does not bring yet, in words")
    is_available: bool


class TimeOut(Schema):
    public_id: str
    starts_at: datetime
    ends_at: datetime
    left: int
    capacity: int
    in_line: int = Field(description="how many wait for a place")


class WaitIn(Schema):
    item: str = Field(max_length=26, description="public id of the item")
    slot: str | None = Field(None, max_length=26, description="public id of a time, of an item with `has_slots`")


class LineOut(Schema):
    public_id: str
    item: str
    name: str
    when: str
    place: int = Field(description="counted from 1; 0 once it is kept for you")
    is_offered: bool
    until: datetime | None = Field(description="so long it is kept")


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
    slot: str | None = Field(None, max_length=26, description="public id of a time, of an item with `has_slots`")
    seen_price: int | None = Field(None, ge=0, description="the price shown; refused when it is another one by now")


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


@router.get("/catalogue/{item}/times", response={200: list[TimeOut], **READ}, summary="Times that can be booked")
@allow("rider")
def times(request: HttpRequest, item: str) -> list[queries.Time]:
    return [time for day in queries.bookable_days(item) for time in day.times]


@router.get("/waiting", response={200: list[LineOut], **READ}, summary="What I wait for")
@allow("rider")
def lines(request: HttpRequest) -> list[queries.InLine]:
    return queries.lines_of(request.actor)  # type: ignore[attr-defined]


@router.post("/waiting", response={201: list[LineOut], **REFUSED}, summary="Stand in line; twice is once")
@allow("rider")
def wait(request: HttpRequest, data: WaitIn) -> Status[list[queries.InLine]]:
    actor = request.actor  # type: ignore[attr-defined]
    services.wait(actor=actor, item=data.item, slot=data.slot)
    return Status(201, queries.lines_of(actor))


@router.post("/vouchers", response={201: VoucherOut, **REFUSED}, summary="Spend points on an item")
@allow("rider")
def reserve(request: HttpRequest, data: ReserveIn) -> Status[Voucher]:
    made = services.reserve(
        actor=request.actor,  # type: ignore[attr-defined]
        item=data.item,
        client_key=data.client_key,
        slot=data.slot,
        seen_price=data.seen_price,
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


class LimitsOut(Schema):
    """What the certificate allows: the phone keeps to it, the server refuses what goes beyond."""

    start: int = Field(description="seconds UTC")
    until: int
    scan_fen: int = Field(description="most that one scan may be worth, in 分")
    unsent_fen: int = Field(description="most that the phone may hold unsent")
    unsent_count: int
    longest_hours: int
    ahead_minutes: int
    shown_minutes: int


class PhoneIn(Schema):
    shop: str = Field(max_length=26, description="public id of the organisation")
    public_key: str = Field(max_length=100, description="point of P-256 as WebCrypto exports it, base64url")
    label: str = Field(max_length=20)


class PhoneOut(Schema):
    device: str
    merchant: str = Field(description="code of the shop, as vouchers' codes name it")
    label: str
    certificate: str = Field(description="signed by the server, base64url; goes along with every batch")
    limits: LimitsOut
    now: int = Field(description="milliseconds UTC by the server's clock")


class ScanIn(Schema):
    body: str = Field(max_length=2000, description="a line of JSON: device, seq, code, units, key, taken_at (ms UTC)")
    signature: str = Field(max_length=100, description="ECDSA P-256 SHA-256 over 'qixia-till-1\\n' and body, base64url")


class ScansIn(Schema):
    device: str = Field(max_length=26)
    certificate: str = Field(max_length=2000)
    scans: list[ScanIn] = Field(min_length=1, max_length=50)


class ScanOut(Schema):
    seq: int | None
    state: Literal["accepted", "lost", "refused"]
    reason: str
    words: str = Field(description="the reason for people; empty when it was booked")
    fen: int = Field(description="what was taken, and what of it was booked, in 分")
    booked_fen: int
    borne_by: str = Field(description="of a loss: merchant, city or rider")


class ScansOut(Schema):
    answers: list[ScanOut] = Field(description="in the order of the scans")
    now: int = Field(description="milliseconds UTC by the server's clock")


@till.post("/devices", response={201: PhoneOut, **REFUSED}, summary="Let this phone take vouchers without network")
@allow("merchant")
def enrol(request: HttpRequest, data: PhoneIn) -> Status[queries.Phone]:
    made = services.enrol_device(
        actor=request.actor,  # type: ignore[attr-defined]
        merchant=queries.shop_id(request.actor, data.shop),  # type: ignore[attr-defined]
        public_key=data.public_key,
        label=data.label,
    )
    return Status(201, queries.phone(made))


@till.post("/devices/{device}/renew", response={200: PhoneOut, **REFUSED}, summary="A new certificate")
@allow("merchant")
def renew(request: HttpRequest, device: str) -> queries.Phone:
    return queries.phone(services.renew_device(actor=request.actor, device=device))  # type: ignore[attr-defined]


@till.post("/scans", response={200: ScansOut, **REFUSED}, summary="What this phone took without network")
@allow("merchant")
def scans(request: HttpRequest, data: ScansIn) -> queries.Answers:
    answers = services.book_offline(
        actor=request.actor,  # type: ignore[attr-defined]
        device=data.device,
        certificate=data.certificate,
        scans=[services.Signed(one.body, one.signature) for one in data.scans],
    )
    return queries.answers([(one.seq, one.state, one.reason, one.scan) for one in answers])
