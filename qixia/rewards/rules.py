"""Decisions about points. Pure: no database, no Django, no clock.

Units    whole points (int); a point is not money. Percentages are whole numbers.
Truth    the numbers come from the published rule table (`PointsPolicy`, policy kind "rewards.points").
Errors   UnknownRule when a caller names a rule that neither the table nor the list of classes knows.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from qixia.kernel.errors import Invalid

POINTS = "points"

# Account kinds. The first three belong to a person and keep their balance in the row, because something is decided
# on it; the others only collect, so their balance is the sum of their entries and no row of theirs is ever updated.
AVAILABLE = "available"
DEBT = "debt"
HELD = "held"
BUDGET = "budget"
SETTLEMENT = "settlement"
FORFEITED = "expired"
KINDS = (AVAILABLE, DEBT, HELD, BUDGET, SETTLEMENT, FORFEITED)
KEPT = {AVAILABLE, DEBT, HELD}

# floor and ceiling of an account by kind; None is "no limit". What is owed is written as a negative balance.
LIMITS: dict[str, tuple[int | None, int | None]] = {
    AVAILABLE: (0, None),
    HELD: (0, None),
    DEBT: (None, 0),
    BUDGET: (None, None),
    SETTLEMENT: (None, None),
    FORFEITED: (None, None),
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
POSTING_KINDS = (AWARD, REVERSAL, SPEND, REDEEM, RETURN, EXPIRE)
FILTERS: dict[str, tuple[str, ...]] = {
    "all": POSTING_KINDS,
    "earned": (AWARD,),
    "used": (SPEND, RETURN, EXPIRE),
    "reversed": (REVERSAL,),
}

# What happened, in the words that stand after the name of the rule on a rider's page.
ACTS = {
    "reports.dispatched": "派单即得",
    "reports.verified": "已核实",
    "reports.self_handled": "顺手处理",
    "reports.confirmed": "回访",
    "reports.supported": "报的是同一处",
    "reports.witnessed": "现场复核",
    "rewards.claimed": "每天一起入账",
    "rewards.restored": "申诉成立，补回",
    "demo.opening": "演示开户",
}

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
    who: Literal["reporter", "witness", "helper"] = "reporter"
    note: str = Field("", max_length=120, description="a sentence for riders")
    planned: bool = Field(False, description="no act of the product earns it yet: riders do not read it")


class PointsPolicy(BaseModel):
    """The table of rules; one version of it holds at any time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default_points: int = Field(5, ge=0, le=1000, description="a report of a class that has no line of its own")
    day_cap: int | None = Field(100, ge=0, description="most points a person gets on one day, over all rules")
    cancel_returns: int = Field(100, ge=0, le=100, description="percent given back when a voucher is returned")
    expiry_returns: int = Field(100, ge=0, le=100, description="percent given back when a voucher expires unused")
    rules: dict[str, PointRule]

    @model_validator(mode="after")
    def _caps_reach_the_points(self) -> PointsPolicy:
        for slug, rule in self.rules.items():
            if rule.day_cap is not None and rule.day_cap < rule.points:
                raise ValueError(f"{slug}: 每日上限低于一次的分数")
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
    signals: dict[str, SignalRule] = Field(default_factory=dict)

    def holding(self, signals: Iterable[Signal]) -> tuple[Signal, ...]:
        """Those of `signals` that hold an award. A kind that the table does not know holds nothing."""
        return tuple(one for one in signals if one.kind in self.signals and self.signals[one.kind].holds)


@dataclass(frozen=True, slots=True)
class Earned:
    """What an act earns today. `points` < `nominal` when a cap was reached."""

    points: int
    nominal: int

    @property
    def capped(self) -> bool:
        return self.points < self.nominal


def earn(line: PointRule, total_cap: int | None, *, by_rule: int, today: int) -> Earned:
    """What remains below both caps, given what the person has got today by this rule and in all."""
    room = line.points
    if line.day_cap is not None:
        room = min(room, line.day_cap - by_rule)
    if total_cap is not None:
        room = min(room, total_cap - today)
    return Earned(points=max(room, 0), nominal=line.points)


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
