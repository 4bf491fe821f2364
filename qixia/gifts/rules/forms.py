"""What people type about gifts, checked. Errors: Invalid, naming the field."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from qixia.gifts import states
from qixia.kernel.errors import Invalid

MOST = 10_000_000
REASON_MAX = 200


@dataclass(frozen=True, slots=True)
class CampaignForm:
    """`platforms` are codes of organisations; none means all riders. Moments are aware."""

    title: str
    kind: str
    way: str
    what: str
    division: str
    starts_at: datetime
    ends_at: datetime
    collect_until: datetime
    platforms: tuple[str, ...] = ()
    reach: str = states.FROM_NOW  # of a joining gift: states.REACHES
    joined_since: date | None = None  # with SINCE


@dataclass(frozen=True, slots=True)
class DonationForm:
    """`value_fen` is what all of it is worth together."""

    donor: str
    campaign: str
    what: str
    count: int
    value_fen: int
    given_on: date
    for_whom: str = ""
    paper: str = ""


@dataclass(frozen=True, slots=True)
class PlaceForm:
    name: str
    kind: str
    organisation: str  # its code
    address: str
    lat: float
    lng: float
    opening: str


def check_campaign(form: CampaignForm, kinds: frozenset[str]) -> None:
    if form.kind not in kinds:
        raise Invalid("请选择是哪种活动。", field="kind")
    if form.way not in states.WAYS:
        raise Invalid("请选择怎么分。", field="way")
    text(form.title, 2, 40, field="title")
    text(form.what, 2, 200, field="what")
    if form.ends_at <= form.starts_at:
        raise Invalid("报名截止要在开始以后。", field="ends_at")
    if form.collect_until <= form.ends_at:
        raise Invalid("领取截止要在报名截止以后。", field="collect_until")
    if form.way == states.ON_JOINING:
        check_reach(form)


def check_reach(form: CampaignForm) -> None:
    if form.reach not in states.REACHES:
        raise Invalid("请选择给哪些入会的人。", field="reach")
    if form.reach == states.SINCE and form.joined_since is None:
        raise Invalid("请写从哪一天起入会的。", field="joined_since")


def check_donation(form: DonationForm, today: date) -> None:
    text(form.what, 2, 120, field="what")
    amount(form.count)
    if not 0 <= form.value_fen <= MOST * 100_000:
        raise Invalid("价值写成元，不能是负数。", field="value_fen")
    if form.given_on > today:
        raise Invalid("捐赠日期不能在以后。", field="given_on")


def check_place(form: PlaceForm) -> None:
    text(form.name, 2, 40, field="name")
    text(form.address, 2, 120, field="address")
    if form.kind not in states.PLACE_KINDS:
        raise Invalid("请选择是哪种地方。", field="kind")


def text(said: str, least: int, most: int, *, field: str) -> str:
    words = said.strip()
    if not least <= len(words) <= most:
        raise Invalid("要 %(least)s 到 %(most)s 个字。", field=field, least=least, most=most)
    return words


def amount(count: int) -> int:
    if not 1 <= count <= MOST:
        raise Invalid("数量要是 1 以上的整数。", field="count")
    return count


def reason(said: str) -> str:
    words = said.strip()
    if not 2 <= len(words) <= REASON_MAX:
        raise Invalid("请写明理由，2 到 200 个字。", field="reason")
    return words
