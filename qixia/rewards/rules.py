"""Decisions about points. Pure: no database, no Django, no clock.

Units    whole points (int); a point is not money. Percentages are whole numbers.
Truth    the numbers come from the published rule table (`PointsPolicy`, policy kind "rewards.points").
Errors   UnknownRule when a caller names a rule that neither the table nor the list of classes knows.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from qixia.kernel.errors import Invalid

POINTS = "points"
FEN = "fen"  # 分 of money
UNITS = (POINTS, FEN)
MOST = 10**12

# Account kinds. The first four belong to a person and keep their balance in the row, because something is decided
# on it; the others only collect, so their balance is the sum of their entries and no row of theirs is ever updated.
AVAILABLE = "available"
DEBT = "debt"
HELD = "held"  # in vouchers that wait to be used
PENDING = "pending"  # earned, and somebody looks first
BUDGET = "budget"
SETTLEMENT = "settlement"
FORFEITED = "expired"
PAID_OUT = "paid"  # money that a merchant got
RETIRED = "retired"  # points whose use was settled
KINDS = (AVAILABLE, DEBT, HELD, PENDING, BUDGET, SETTLEMENT, FORFEITED, PAID_OUT, RETIRED)
KEPT = {AVAILABLE, DEBT, HELD, PENDING}

# floor and ceiling of an account by kind; None is "no limit". What is owed is written as a negative balance.
LIMITS: dict[str, tuple[int | None, int | None]] = {
    AVAILABLE: (0, None),
    HELD: (0, None),
    PENDING: (0, None),
    DEBT: (None, 0),
    BUDGET: (None, None),
    SETTLEMENT: (None, None),
    FORFEITED: (None, None),
    PAID_OUT: (None, None),
    RETIRED: (None, None),
}

# What stands for "a report of whatever class" in the key of a posting.
CLASS_RULE = "class"

# What a valid report that nobody can join to a rider is worth: one line of the table for all classes, so that the
# amount tells none.
ANONYMOUS = "anonymous"
# Saying that a report which is open is what one saw too, or having reported it a second time.
SUPPORT = "support"
NO_CLASSES: Mapping[str, str] = {}

CITY = "city"
SLOTS = 16

# Kinds of posting, and the page's filters over them.
AWARD = "award"
REVERSAL = "reversal"
SPEND = "spend"
REDEEM = "redeem"
RETURN = "return"
EXPIRE = "expire"
HOLD = "hold"
VOID = "void"
SETTLE = "settle"
PAY = "pay"
POSTING_KINDS = (AWARD, REVERSAL, SPEND, REDEEM, RETURN, EXPIRE, HOLD, VOID, SETTLE, PAY)
FILTERS: dict[str, tuple[str, ...]] = {
    "all": POSTING_KINDS,
    "earned": (AWARD, HOLD, VOID),
    "used": (SPEND, RETURN, EXPIRE),
    "reversed": (REVERSAL,),
}

# The act that most postings are about.
DISPATCHED = "reports.dispatched"

# What happened, in the words that stand after the name of the rule on a rider's page.
ACTS = {
    DISPATCHED: "派单即得",
    "reports.verified": "已核实",
    "reports.self_handled": "顺手处理",
    "reports.confirmed": "回访",
    "reports.supported": "报的是同一处",
    "reports.witnessed": "现场复核",
    "rewards.claimed": "每天一起入账",
    "rewards.restored": "申诉成立，补回",
    "rewards.appealed": "申诉成立，补记",
    "demo.opening": "演示开户",
}

# Given back by somebody's decision, not earned that day: it counts against no cap.
DECIDED = ("rewards.restored", "rewards.appealed")

# Facts about how something was reported, that a table may give a percentage: where the place comes from, and words.
QUALITIES = ("at-place", "from-album", "on-map", "clear-words", "few-words")

# Caps, by what they count. On a posting and in words.
CAP_RULE_DAY, CAP_RULE_WEEK, CAP_DAY, CAP_WEEK = "rule-day", "rule-week", "day", "week"
NO_CAP = 10**9

WHO = {"reporter": "上报的人", "witness": "到现场复核的人", "helper": "做了这件事的人"}


class UnknownRule(Invalid):
    code = "rewards.unknown_rule"
    message = "积分规则里没有“%(rule)s”这一条。"


class PointRule(BaseModel):
    """One line of the table: what one act, or a report of one class, is worth."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    points: int = Field(ge=0, le=1000)
    title: str = Field("", max_length=40, description="empty: the name of the triage class")
    day_cap: int | None = Field(None, ge=0, description="most points a person gets by this rule on one day")
    week_cap: int | None = Field(None, ge=0, description="the same from Monday to Sunday")
    who: Literal["reporter", "witness", "helper"] = "reporter"
    note: str = Field("", max_length=120, description="a sentence for riders")
    planned: bool = Field(False, description="no act of the product earns it yet: riders do not read it")
    certified: bool = Field(False, description="staff confirm it by a list of riders")


class Quality(BaseModel):
    """What a fact about how something was reported makes of its points: 80 is × 0.8. The facts are `QUALITIES`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(max_length=40)
    percent: int = Field(100, ge=0, le=300)


class Campaign(BaseModel):
    """More points for some days. The bonus stands outside the caps a day and week and has its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(max_length=40)
    note: str = Field("", max_length=120, description="a sentence for riders")
    first: date
    last: date = Field(description="the last day on which it holds")
    rules: tuple[str, ...] = Field((), description="lines of the table or classes; none: all of them")
    division: str = Field("", max_length=24, description="code of the only division where it holds; empty: everywhere")
    percent: int = Field(100, ge=100, le=500, description="150 is half as much again")
    bonus: int = Field(0, ge=0, le=1000, description="points besides, each time")
    person_cap: int | None = Field(None, ge=1, description="most points that a person gets by it in all")
    total_cap: int | None = Field(None, ge=1, description="most points that it gives in all; then it ends")

    @model_validator(mode="after")
    def _gives_something_sometime(self) -> Campaign:
        if self.last < self.first:
            raise ValueError(f"{self.title}: 结束早于开始")
        if self.percent == 100 and not self.bonus:
            raise ValueError(f"{self.title}: 没有加分")
        return self

    def holds(self, rule: str, day: date, path: str) -> bool:
        """Whether an act by `rule` on this city day, in the division with this path, is of the campaign."""
        here = not self.division or self.division in path.split("/")
        return here and self.first <= day <= self.last and (not self.rules or rule in self.rules)

    def more(self, points: int) -> int:
        """What comes to `points`, before the campaign's own caps."""
        return times(points, self.percent) - points + self.bonus


class PointsPolicy(BaseModel):
    """The table of rules; one version of it holds at any time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default_points: int = Field(5, ge=0, le=1000, description="a report of a class that has no line of its own")
    day_cap: int | None = Field(100, ge=0, description="most points a person gets on one day, over all rules")
    week_cap: int | None = Field(None, ge=0, description="the same from Monday to Sunday")
    qualities: dict[str, Quality] = Field(default_factory=dict)
    campaigns: dict[str, Campaign] = Field(default_factory=dict)
    cancel_returns: int = Field(100, ge=0, le=100, description="percent given back when a voucher is returned")
    expiry_returns: int = Field(100, ge=0, le=100, description="percent given back when a voucher expires unused")
    rules: dict[str, PointRule]

    @model_validator(mode="after")
    def _caps_reach_the_points(self) -> PointsPolicy:
        for slug, rule in self.rules.items():
            if rule.day_cap is not None and rule.day_cap < rule.points:
                raise ValueError(f"{slug}: 每日上限低于一次的分数")
            if rule.week_cap is not None and rule.week_cap < max(rule.points, rule.day_cap or 0):
                raise ValueError(f"{slug}: 每周上限低于一次的分数或每日上限")
        if self.week_cap is not None and self.day_cap is not None and self.week_cap < self.day_cap:
            raise ValueError("总的每周上限低于每日上限")
        return self

    @model_validator(mode="after")
    def _names_are_known(self) -> PointsPolicy:
        for slug in self.qualities:
            if slug not in QUALITIES:
                raise ValueError(f"{slug}: 没有这种情形")
        for slug in self.campaigns:
            if not re.fullmatch(r"[a-z0-9-]{2,40}", slug):
                raise ValueError(f"{slug}: 活动代号用小写字母、数字和连字符")
        return self

    def line(self, rule: str, classes: Mapping[str, str]) -> PointRule:
        """The line for `rule`; a triage class without one earns the default. `classes`: slug → name."""
        found = self.rules.get(rule)
        if found is None:
            if rule == ANONYMOUS:  # a table from before there were any
                return PointRule(points=self.default_points, title="匿名上报")
            if rule == SUPPORT:  # the same
                return PointRule(points=3, title="支持同一处", day_cap=15, who="helper")
            if rule not in classes:
                raise UnknownRule(rule=rule)
            return PointRule(points=self.default_points, title=classes[rule])
        return found if found.title else found.model_copy(update={"title": classes.get(rule, rule)})


class ClaimsPolicy(BaseModel):
    """When points of anonymous reports are paid (policy "rewards.claims")."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_batch: int = Field(3, ge=2, le=1000, description="riders at least in a batch: fewer would be told apart")
    longest_wait_days: int = Field(7, ge=1, le=60, description="after so many days a smaller batch is paid too")


@dataclass(frozen=True, slots=True)
class Signal:
    """A reason to look before an award is paid. `kind` is a key of `HoldsPolicy.signals`; `evidence` is what the person
    who decides sees: photos, places, times, counts. Never a name, an account or anything that leads to one."""

    kind: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


class SignalRule(BaseModel):
    """What one kind of signal does."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(max_length=40, description="for whoever decides")
    holds: bool = Field(True, description="off: the award is paid at once and the signal forgotten")
    words: str = Field("", max_length=120, description="a sentence for the rider; empty: only that somebody looks")


class HoldsPolicy(BaseModel):
    """Which signals hold an award, how long, and what happens when nobody decides (policy "rewards.holds")."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: int = Field(7, ge=1, le=60, description="so long somebody may look; the rider is told the day")
    undecided: Literal["post", "void"] = Field("post", description="what becomes of points that nobody decided about")
    appeal_days: int = Field(60, ge=1, le=400, description="so long a rider may say that an entry is wrong")
    appeals_a_day: int = Field(5, ge=1, le=100, description="so often on one day")
    signals: dict[str, SignalRule] = Field(default_factory=dict)

    def holding(self, signals: Iterable[Signal]) -> tuple[Signal, ...]:
        """Those of `signals` that hold an award. A kind that the table does not know holds nothing."""
        return tuple(one for one in signals if one.kind in self.signals and self.signals[one.kind].holds)


@dataclass(frozen=True, slots=True)
class Facts:
    """What an award depends on besides its line. `path` is the division's ("350000/350500/"), "" where it does not
    matter; `quality` are keys of QUALITIES."""

    rule: str
    day: date
    quality: tuple[str, ...] = ()
    path: str = ""


@dataclass(frozen=True, slots=True)
class Had:
    """What the person got before, without bonuses: by this rule and in all, on the day and in its week."""

    rule_day: int = 0
    rule_week: int = 0
    day: int = 0
    week: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """What a campaign gave before: to this person and in all."""

    person: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Earned:
    """What an act earns: `points` = what remains of `base` × `percent` below the caps, and `bonus` of the campaign.

    `nominal` is the same without caps a day and week; `cap` names the one that was reached, `quality` the facts that
    changed something."""

    points: int
    nominal: int
    base: int = 0
    percent: int = 100
    quality: tuple[str, ...] = ()
    campaign: str = ""
    bonus: int = 0
    cap: str = ""

    @property
    def capped(self) -> bool:
        return self.points < self.nominal


def times(points: int, percent: int) -> int:
    """A percentage of points, half a point upwards; whoever did something that is worth a little gets a point."""
    found = (points * percent + 50) // 100
    return max(found, 1) if points and percent else found


def week_of(day: date) -> date:
    """The Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def earn(
    line: PointRule, table: PointsPolicy, facts: Facts, had: Had, shares: Mapping[str, Share] | None = None
) -> Earned:
    """What an act earns: line × quality, as far as the caps allow, and the bonus of the best campaign that holds.

    `shares`: what campaigns gave before; one that is missing gave nothing yet."""
    quality = tuple(slug for slug in facts.quality if slug in table.qualities)
    percent = percent_of(table, quality)
    worth = times(line.points, percent)
    room, cap = _room(line, table, had)
    base = min(worth, room)
    slug, bonus = _best_campaign(table, facts, worth, shares or {})
    if worth and not base:
        slug, bonus = "", 0  # who has reached a cap earns no bonus either
    return Earned(
        points=base + bonus,
        nominal=worth + bonus,
        base=line.points,
        percent=percent,
        quality=tuple(one for one in quality if table.qualities[one].percent != 100),
        campaign=slug,
        bonus=bonus,
        cap=cap if base < worth else "",
    )


def percent_of(table: PointsPolicy, quality: Iterable[str]) -> int:
    """What the facts make of the points together: 80 % of 50 % is 40 %."""
    found = 100
    for slug in quality:
        if slug in table.qualities:
            found = (found * table.qualities[slug].percent + 50) // 100
    return found


def _room(line: PointRule, table: PointsPolicy, had: Had) -> tuple[int, str]:
    """Points below the tightest cap, and its name. No cap: more than any line is worth."""
    caps = (
        (line.day_cap, had.rule_day, CAP_RULE_DAY),
        (line.week_cap, had.rule_week, CAP_RULE_WEEK),
        (table.day_cap, had.day, CAP_DAY),
        (table.week_cap, had.week, CAP_WEEK),
    )
    rooms = [(max(cap - got, 0), name) for cap, got, name in caps if cap is not None]
    return min(rooms, key=lambda one: one[0], default=(NO_CAP, ""))


def _best_campaign(table: PointsPolicy, facts: Facts, worth: int, shares: Mapping[str, Share]) -> tuple[str, int]:
    """The one campaign that gives most for this act, and how much; ties go by name."""
    found = []
    for slug, campaign in sorted(table.campaigns.items()):
        if not campaign.holds(facts.rule, facts.day, facts.path):
            continue
        share, room = shares.get(slug, Share()), campaign.more(worth)
        if campaign.person_cap is not None:
            room = min(room, campaign.person_cap - share.person)
        if campaign.total_cap is not None:
            room = min(room, campaign.total_cap - share.total)
        if room > 0:
            found.append((slug, room))
    return max(found, key=lambda one: one[1], default=("", 0))


def has_caps(line: PointRule, table: PointsPolicy) -> bool:
    return any(cap is not None for cap in (line.day_cap, line.week_cap, table.day_cap, table.week_cap))


def known_quality(quality: Iterable[str]) -> str:
    """Facts as a posting keeps them, whatever the table makes of them: a later draft may ask."""
    return ",".join(slug for slug in QUALITIES if slug in quality)


def reasons(earned: Earned, table: PointsPolicy) -> dict[str, Any]:
    """How the points of an entry came about, as its sealed words keep it: figures and the table's own titles."""
    found: dict[str, Any] = {"base": earned.base, "percent": earned.percent}
    if earned.quality:
        found["quality"] = [table.qualities[slug].title for slug in earned.quality]
    if earned.campaign:
        found |= {"campaign": table.campaigns[earned.campaign].title, "bonus": earned.bonus}
    if earned.cap:
        found["cap"] = earned.cap
    return found


def into_purse(points: int, debt: int) -> dict[str, int]:
    """How `points` that come in are split: what is owed is repaid first. `debt` is the debt account's balance (≤ 0)."""
    repaid = min(points, -debt)
    return {kind: amount for kind, amount in ((DEBT, repaid), (AVAILABLE, points - repaid)) if amount}


def out_of_purse(points: int, available: int) -> dict[str, int]:
    """How `points` are taken back: what is there, the rest becomes debt. The purse never goes below zero."""
    taken = min(points, available)
    return {kind: -amount for kind, amount in ((AVAILABLE, taken), (DEBT, points - taken)) if amount}


def share(points: int, percent: int) -> tuple[int, int]:
    """(given back, forfeited); parts of a point are forfeited."""
    back = points * percent // 100
    return back, points - back


def share_of(total: int, before: int, units: int, whole: int) -> int:
    """What of `whole` belongs to `units` of `total` after `before` of them: rounded as they add up, so that the shares of
    all of them are the whole, in whatever pieces they are taken."""
    return whole * (before + units) // total - whole * before // total


def slot_of(ref: str) -> int:
    """Which of the slices of a collecting account a person's postings go to."""
    return zlib.crc32(ref.encode()) % SLOTS


def posting_key(rule: str, source: str, beneficiary: str) -> str:
    return f"{rule}|{source}|{beneficiary}"


def content_hash(*, act: str, params: Mapping[str, Any]) -> str:
    """What must be equal when the same key comes again. Points and rule version are left out on purpose: a retry
    after the rule changed gets the first posting, what was paid stands."""
    content = json.dumps([act, dict(params)], sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(content.encode()).hexdigest()


def is_balanced(lines: Iterable[tuple[str, int]]) -> bool:
    """Whether (unit, amount) lines sum to zero in every unit."""
    sums: dict[str, int] = {}
    for unit, amount in lines:
        sums[unit] = sums.get(unit, 0) + amount
    return not any(sums.values())
