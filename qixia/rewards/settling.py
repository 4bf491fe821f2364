"""What the city owes a merchant for a month (policy "rewards.settlement"). Pure: no database, no Django, no clock.

Units    分 of money, whole points, months as their first day, days of the city, working days for the time to object.
Sums     what is due + what is carried over = the lines of the month + what was brought over. A sum below the smallest
         that is paid goes to a later month, and so does one that the merchant owes; points go with their money.
States   of a statement, one table that services, pages, docs and tests read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from qixia.rewards import rules

# ── a statement's life ────────────────────────────────────────────────────────
DRAFT = "draft"
ISSUED = "issued"
DISPUTED = "disputed"
AGREED = "agreed"
PAID = "paid"
STATES = (DRAFT, ISSUED, DISPUTED, AGREED, PAID)
SHOWN = (ISSUED, DISPUTED, AGREED, PAID)  # to the merchant
FIRM = (AGREED, PAID)  # no line is added any more

# step → (states it may start from, state it leads to)
STEPS: dict[str, tuple[frozenset[str], str]] = {
    "issue": (frozenset({DRAFT}), ISSUED),
    "dispute": (frozenset({ISSUED, DISPUTED}), DISPUTED),
    "resume": (frozenset({DISPUTED}), ISSUED),  # when the last objection was answered
    "agree": (frozenset({ISSUED}), AGREED),
    "lapse": (frozenset({ISSUED}), AGREED),  # nobody objected in time
    "pay": (frozenset({AGREED}), PAID),
    "close": (frozenset({AGREED}), PAID),  # nothing is to be paid
    "unpay": (frozenset({PAID}), AGREED),  # the payment was a mistake
}

LABELS = {DRAFT: "准备中", ISSUED: "待确认", DISPUTED: "有异议", AGREED: "已确认", PAID: "已付清"}
GLYPHS = {DRAFT: "wait", ISSUED: "doing", DISPUTED: "back", AGREED: "check", PAID: "fixed"}

# An objection.
OPEN = "open"
ACCEPTED = "accepted"
REFUSED = "refused"
DISPUTE_STATES = (OPEN, ACCEPTED, REFUSED)
DISPUTE_LABELS = {OPEN: "等答复", ACCEPTED: "已更正", REFUSED: "没有更正"}

# What a line is about.
USE = "use"
LOSS = "loss"
CORRECTION = "correction"
LINES = (USE, LOSS, CORRECTION)
LINE_LABELS = {USE: "用券", LOSS: "离线损失", CORRECTION: "更正"}


def may(step: str, state: str) -> bool:
    return state in STEPS[step][0]


def result(step: str) -> str:
    return STEPS[step][1]


# ── the policy ────────────────────────────────────────────────────────────────
class SettlementPolicy(BaseModel):
    """When statements are issued, how long a merchant may object, and what is paid."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issue_day: int = Field(3, ge=1, le=28, description="last month's statements are issued on this day of the month")
    object_days: int = Field(5, ge=1, le=60, description="working days to object; who says nothing agrees")
    remind_days: int = Field(2, ge=0, le=30, description="so many working days before that, the merchant is reminded")
    pay_days: int = Field(10, ge=1, le=120, description="working days after agreement in which the city pays")
    smallest_fen: int = Field(1000, ge=0, le=10_000_000, description="a smaller sum goes to the next month")
    year_end_month: int | None = Field(12, ge=1, le=12, description="in this month every sum is paid; none: never")
    pays: Literal["settle_price", "face_value"] = Field(
        "settle_price", description="settle_price: that of the item where it has one, else its face value"
    )

    @model_validator(mode="after")
    def _reminds_in_time(self) -> SettlementPolicy:
        if self.remind_days >= self.object_days:
            raise ValueError("remind_days must be fewer than object_days")
        return self


# ── months ────────────────────────────────────────────────────────────────────
def first_of(day: date) -> date:
    return day.replace(day=1)


def next_month(month: date) -> date:
    return first_of(first_of(month) + timedelta(days=31))


def last_month(today: date) -> date:
    """The month before the one that `today` lies in."""
    return first_of(first_of(today) - timedelta(days=1))


def due_month(policy: SettlementPolicy, today: date) -> date | None:
    """The month whose statements are due; None before the day of issue."""
    return last_month(today) if today.day >= policy.issue_day else None


# ── sums ──────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a month's sums."""

    due_fen: int
    due_points: int
    carried_fen: int
    carried_points: int

    @property
    def is_carried(self) -> bool:
        return bool(self.carried_fen)


def settles_all(policy: SettlementPolicy, month: date) -> bool:
    return policy.year_end_month == month.month


def outcome(policy: SettlementPolicy, month: date, *, fen: int, points: int) -> Outcome:
    """`fen` and `points`: the lines of the month and what was brought over. Nothing to pay is settled with its points."""
    least = 1 if settles_all(policy, month) else policy.smallest_fen
    if fen and fen < max(least, 1):
        return Outcome(0, 0, fen, points)
    return Outcome(fen, points, 0, 0)


def worth_of(*, fen: int | None, settle_fen: int | None, total: int, before: int, units: int, pays: str) -> int:
    """What the city pays for a taking: its share of the item's settle price, or of the face value. `total`, `before` and
    `units` are in the unit of the voucher: what it is good for, what was taken earlier, what was taken now. The shares of
    all takings sum to the whole price."""
    if pays != "settle_price" or settle_fen is None:
        return fen or 0
    return rules.share_of(total, before, units, settle_fen)
