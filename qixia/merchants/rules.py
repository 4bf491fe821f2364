"""Decisions about merchants, and the shapes of their policies. Pure.

Units    percent off (20: the rider pays 80 %), 分 of money, metres, days. Dates are the city's.
Errors   Invalid, naming the field.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from math import ceil
from typing import Literal, Self

import h3
from pydantic import BaseModel, ConfigDict, Field, model_validator

from qixia.kernel.errors import Invalid
from qixia.kernel.geo import Point, cell

PERCENT, PRICE, FREE = "percent", "price", "free"
PERK_KINDS = (PERCENT, PRICE, FREE)
TEN = 10
REASON_MAX, WORDS_MAX = 200, 200
_DEAREST_FEN = 10_000_000
# A mobile number, a landline with its area code, a number of a company; each as it is dialled.
_MOBILE, _LANDLINE, _COMPANY = r"1[3-9]\d{9}", r"(0(?:10|2\d|[3-9]\d{2}))(\d{7,8})", r"([48]00)(\d{3})(\d{4})"
CELLS = 7  # resolution of the cells by which merchants are found: hexagons of about 2.4 km across
_STEP_M = 1800  # how much further each ring of cells reaches, at the least


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Need(_Shape):
    """What a rider looks for: a chip above the list."""

    slug: str = Field(pattern=r"^[a-z_]{2,16}$")
    title: str = Field(min_length=1, max_length=8)


class PlaceKind(_Shape):
    """A kind of merchant. `papers` are needed before it is admitted."""

    slug: str = Field(pattern=r"^[a-z_]{2,20}$")
    title: str = Field(min_length=1, max_length=12)
    icon: str
    need: str
    papers: tuple[str, ...] = ()


class PaperKind(_Shape):
    slug: str = Field(pattern=r"^[a-z_]{2,20}$")
    title: str = Field(min_length=1, max_length=20)


class KindsPolicy(_Shape):
    """Kinds of places and papers, and the few numbers of the alliance (policy "merchants.kinds")."""

    needs: tuple[Need, ...]
    kinds: tuple[PlaceKind, ...]
    papers: tuple[PaperKind, ...]
    near_m: int = Field(3000, ge=200, le=20_000, description="how far around the rider shops are listed")
    fewest_ratings: int = Field(5, ge=3, le=50, description="ratings are shown, and shown anew, in groups of this many")
    rate_within_days: int = Field(30, ge=1, le=365, description="how long after a use it may be rated")
    warn_days: int = Field(30, ge=1, le=180, description="papers that end this soon are listed at the desk")
    suspend_days: int = Field(
        14, ge=1, le=180, description="a member is suspended so long after a paper that it needs ended"
    )

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        for listed in (self.needs, self.kinds, self.papers):
            slugs = [one.slug for one in listed]
            if len(set(slugs)) != len(slugs):
                raise ValueError("a slug stands twice")
        needs, papers = {one.slug for one in self.needs}, {one.slug for one in self.papers}
        for kind in self.kinds:
            if kind.need not in needs or not papers.issuperset(kind.papers):
                raise ValueError(f"{kind.slug}: unknown need or paper")
        return self

    def kind(self, slug: str) -> PlaceKind | None:
        return next((one for one in self.kinds if one.slug == slug), None)

    def paper_title(self, slug: str) -> str:
        return next((one.title for one in self.papers if one.slug == slug), slug)

    def kinds_of(self, need: str) -> tuple[str, ...]:
        return tuple(one.slug for one in self.kinds if one.need == need)


class AgreementPolicy(_Shape):
    """What a merchant agrees to (policy "merchants.agreement"); a new version is agreed to anew."""

    title: str
    paragraphs: tuple[str, ...] = Field(min_length=1)


class Service(_Shape):
    """One of the ten. Riders go to a list of kinds of merchants, or to `link`, a path of this site."""

    slug: str = Field(pattern=r"^[a-z_]{2,20}$")
    title: str = Field(min_length=2, max_length=12)
    words: str = Field(min_length=2, max_length=60)
    icon: str
    need: str = ""
    kind: str = ""
    link: str = Field("", pattern=r"^(/[a-z0-9/_?=&-]*)?$")

    @model_validator(mode="after")
    def _leads_somewhere(self) -> Self:
        if sum(map(bool, (self.need, self.kind, self.link))) != 1:
            raise ValueError(f"{self.slug}: exactly one of need, kind and link")
        return self


class LifeList(_Shape):
    """美好生活十件事 (policy "merchants.life_list"): always ten."""

    services: tuple[Service, ...] = Field(min_length=TEN, max_length=TEN)

    @model_validator(mode="after")
    def _ten_different(self) -> Self:
        if len({one.slug for one in self.services}) != TEN:
            raise ValueError("a slug stands twice")
        return self


@dataclass(frozen=True, slots=True)
class PerkForm:
    """What a merchant offers to riders. One of percent_off, price_fen and `free` goes with the kind."""

    kind: Literal["percent", "price", "free"] | str
    title: str
    starts_on: date
    percent_off: int | None = None
    price_fen: int | None = None
    usual_fen: int | None = None
    ends_on: date | None = None
    conditions: str = ""
    show: str = ""


def check_perk(form: PerkForm) -> None:
    """Invalid for what no rider could understand or no till could charge."""
    if form.kind not in PERK_KINDS:
        raise Invalid("没有这种优惠。", field="kind")
    if not 2 <= len(form.title.strip()) <= 40:
        raise Invalid("优惠名称要 2 到 40 个字。", field="title")
    if not _fits(form.percent_off, form.kind == PERCENT, 99):
        raise Invalid("便宜百分之几，写 1 到 99。", field="percent_off")
    if not _fits(form.price_fen, form.kind == PRICE, _DEAREST_FEN):
        raise Invalid("骑手价要大于 0 元。", field="price_fen")
    if form.usual_fen is not None and (form.kind != PRICE or form.usual_fen <= (form.price_fen or 0)):
        raise Invalid("原价要比骑手价高。", field="usual_fen")
    if form.ends_on is not None and form.ends_on < form.starts_on:
        raise Invalid("结束不能早于开始。", field="ends_on")
    if len(form.conditions) > 200 or len(form.show) > 60:
        raise Invalid("说明太长。", field="conditions" if len(form.conditions) > 200 else "show")


def _fits(number: int | None, is_wanted: bool, most: int) -> bool:
    return 1 <= number <= most if is_wanted and number is not None else number is None and not is_wanted


def check_reason(reason: str) -> str:
    words = reason.strip()
    if not 2 <= len(words) <= REASON_MAX:
        raise Invalid("请写明理由，2 到 200 个字。", field="reason")
    return words


def shop_phone(text: str) -> str:
    """A shop's number as riders read and call it: 0595-22123456. Nothing is a shop without a phone."""
    if not text.strip():
        return ""
    digits = re.sub(r"[\s\-–—()]", "", unicodedata.normalize("NFKC", text[:40]))
    digits = re.sub(r"^(\+|00)86", "", digits)
    if re.fullmatch(_MOBILE, digits, re.ASCII):
        return digits
    for shape in (_LANDLINE, _COMPANY):
        found = re.fullmatch(shape, digits, re.ASCII)
        if found:
            return "-".join(found.groups())
    raise Invalid("电话写手机号，或者带区号的座机，比如 0595-22123456。", field="phone")


def check_stars(stars: int, words: str) -> str:
    if not 1 <= stars <= 5:
        raise Invalid("打 1 到 5 颗星。", field="stars")
    said = words.strip()
    if len(said) > WORDS_MAX:
        raise Invalid("留言最多 200 个字。", field="words")
    return said


def after_percent(fen: int, percent_off: int) -> int:
    """What the rider pays; half a 分 falls in the rider's favour. 20 % off 35.00 is 28.00."""
    return fen * (100 - percent_off) // 100


def cell_of(lat: float, lng: float) -> str:
    return cell(Point(lat, lng), CELLS)


def cells_around(point: Point, metres: int) -> list[str]:
    """Every cell that has ground within so many metres."""
    return [str(one) for one in h3.grid_disk(cell(point, CELLS), ceil(metres / _STEP_M) + 1)]
