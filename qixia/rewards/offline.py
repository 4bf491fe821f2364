"""What a merchant's phone may take without network, in which form it says so, and who bears what went wrong (policy
"rewards.offline"). Pure: no database, no Django, no clock.

Signed   a phone signs PREFIX and the body, a line of JSON that is read as it was signed. `taken_at` is milliseconds UTC by the
         phone's own clock; `units` are times, or 分 where the voucher is a sum.
Trust    a phone's clock decides nothing alone: the voucher's code shows when the rider's phone drew it, and the server knows
         when it heard of it. Who arrives first has the voucher.
Errors   `refusal` names the first reason why a scan is not booked, "" if there is none. ValueError for a body that is none.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

KIND = "rewards.offline"
PURPOSE = "till"  # of certificates
PREFIX = b"qixia-till-1\n"
RULE = "voucher.offline"  # in the books: what a rider pays for a loss
BATCH = 50

ACCEPTED, LOST, REFUSED = "accepted", "lost", "refused"
STATES = (ACCEPTED, LOST, REFUSED)
LABELS = {ACCEPTED: "已入账", LOST: "没有入账", REFUSED: "没有收"}
MERCHANT, CITY, RIDER = "merchant", "city", "rider"
BEARERS = (MERCHANT, CITY, RIDER)
# Why the voucher had nothing left when the scan arrived.
USED, RETURNED, EXPIRED = "used", "returned", "expired"

# Everything that a merchant may read about a scan that was not booked, in plain words.
REASONS = {
    USED: "这张券已经在别的手机上用掉了",
    RETURNED: "顾客在上传之前退了这张券",
    EXPIRED: "上传之前这张券过期了",
    "forged": "签名不对",
    "reused": "同一个序号来过，内容不一样",
    "revoked": "这部手机已停用",
    "certificate": "这部手机的证书不对，或者当时已到期",
    "clock": "这部手机的时钟快了太多",
    "late": "离线太久才上传",
    "bad_code": "不是本市发的券，或者不是扫码收的",
    "stale": "二维码不是当时显示的",
    "elsewhere": "别家的券",
    "own": "店里人自己的券",
    "over": "收的时候这张券已过期",
    "early": "收的时候还不能用",
    "hours": "不在这张券的使用时段",
    "closed": "你的店当时不能收券",
    "units": "份数不对",
    "scan_cap": "超过一笔的上限",
    "unsent_cap": "超过没上传的总上限",
    "no_value": "这张券没有写价值，离线不能收",
    "order": "收券时间和这部手机的其他记录对不上",
    "failed": "没能入账，请联系市里",
    "unknown": "没有这张券",
}


Bearer = Literal["merchant", "city", "rider"]


class Bears(BaseModel):
    """Who bears a loss.

    `used`: both phones are the shop's own, as a voucher is bound to one shop. Were the city to bear it, a shop with ten
    phones would be paid ten times for one meal. Points of what was returned or has expired went back to the rider.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    used: Bearer = "merchant"
    returned: Bearer = "rider"
    expired: Bearer = "rider"


class OfflinePolicy(BaseModel):
    """Terms for phones that take vouchers without network; one version holds at any time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scan_fen: int = Field(5000, ge=1, le=10**7, description="most that one scan may be worth, 分")
    unsent_fen: int = Field(30000, ge=1, le=10**8, description="most that a phone may hold unsent, 分")
    unsent_count: int = Field(30, ge=1, le=500, description="the same in scans: some vouchers have no value in money")
    longest_hours: int = Field(48, ge=1, le=24 * 14, description="older scans are refused")
    ahead_minutes: int = Field(10, ge=0, le=120, description="so far a phone's clock may be ahead")
    shown_minutes: int = Field(5, ge=1, le=60, description="so far taking and the code's own time may lie apart")
    certificate_days: int = Field(7, ge=1, le=90, description="renewed by itself whenever the phone is online")
    phones: int = Field(10, ge=1, le=100, description="phones a shop")
    borne_fen: int = Field(
        30000, ge=0, le=10**8, description="most of a shop's losses of 24 hours that others bear, 分"
    )
    bears: Bears = Field(default_factory=Bears, description="who bears a loss, by what became of the voucher")
    back_limit: int = Field(
        2, ge=0, le=20, description="who gave so many vouchers back after use reserves nothing for a while; 0: off"
    )
    back_days: int = Field(30, ge=1, le=366, description="so long such a voucher counts")

    def bearer(self, reason: str) -> str:
        return str(getattr(self.bears, reason))


class Certificate(BaseModel):
    """What the server signs for a phone. Seconds UTC."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    v: Literal[1] = 1
    device: str
    merchant: str
    key: str
    start: int
    until: int
    scan_fen: int
    unsent_fen: int
    unsent_count: int
    longest_hours: int
    ahead_minutes: int
    shown_minutes: int


class Body(BaseModel):
    """What a phone says about one voucher that it took, and signs."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    device: str = Field(min_length=26, max_length=26)
    seq: int = Field(ge=1, le=10**8)
    code: str = Field(min_length=1, max_length=800)
    units: int = Field(ge=1, le=10**8)
    key: str = Field(min_length=8, max_length=64, pattern=r"^[!-~]+$")
    taken_at: int = Field(ge=0, le=4 * 10**12)

    @property
    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.taken_at // 1000, UTC)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the voucher's code says about itself. Both times UTC; no `shown_at`: it does not tell."""

    merchant: str
    expires_at: datetime
    shown_at: datetime | None


def certificate(policy: OfflinePolicy, *, device: str, merchant: str, key: str, now: datetime) -> Certificate:
    start = int(now.timestamp())
    return Certificate(
        device=device,
        merchant=merchant,
        key=key,
        start=start,
        until=start + policy.certificate_days * 86400,
        scan_fen=policy.scan_fen,
        unsent_fen=policy.unsent_fen,
        unsent_count=policy.unsent_count,
        longest_hours=policy.longest_hours,
        ahead_minutes=policy.ahead_minutes,
        shown_minutes=policy.shown_minutes,
    )


def refusal(body: Body, paper: Certificate, code: Shown, *, now: datetime) -> str:
    """Why a scan is not looked at further: certificate, clocks, age, shop. "" if nothing speaks against it."""
    taken, ahead = body.moment, timedelta(minutes=paper.ahead_minutes)
    if not paper.start - ahead.total_seconds() <= taken.timestamp() <= paper.until:
        return "certificate"
    if taken > now + ahead:
        return "clock"
    if taken < now - timedelta(hours=paper.longest_hours):
        return "late"
    if code.merchant != paper.merchant:
        return "elsewhere"
    if taken >= code.expires_at:
        return "over"
    if code.shown_at is None or abs(taken - code.shown_at) > timedelta(minutes=paper.shown_minutes):
        return "stale"
    return ""


def over_cap(paper: Certificate, fen: int, held: tuple[int, int]) -> str:
    """Whether a scan for which the city would pay `fen` is more than the certificate bears; `held` is what the phone held
    unsent beside it: 分, scans."""
    if fen > paper.scan_fen:
        return "scan_cap"
    if held[0] + fen > paper.unsent_fen or held[1] + 1 > paper.unsent_count:
        return "unsent_cap"
    return ""


def barred_until(policy: OfflinePolicy, given_back: Collection[datetime], now: datetime) -> datetime | None:
    """Until when somebody reserves nothing who gave vouchers back that had been used; None for who may."""
    life = timedelta(days=policy.back_days)
    recent = sorted(moment for moment in given_back if moment > now - life)
    if not policy.back_limit or len(recent) < policy.back_limit:
        return None
    return recent[-policy.back_limit] + life


def bearable(*, lost: int, left: int, by_device: int, total: int) -> int:
    """Units of a loss that others than the shop may bear: no more than is `left` of one voucher, whatever arrives, and
    nothing beyond the `total` that one phone (`by_device`: what it took of the voucher before) could have taken honestly."""
    return max(min(lost, left, total - by_device), 0)


def worth(whole: int, units: int, total: int) -> int:
    """The share of a whole that `units` of `total` are, rounded down: as the phone shows it."""
    return whole * units // total if total else 0
