"""A voucher's life: one table that services, buttons, docs and tests read.

reserved → part_used → redeemed, and from the first two to expired or cancelled. Those three ends are final: nothing leads
out of them.
"""

from __future__ import annotations

RESERVED = "reserved"
PART_USED = "part_used"
REDEEMED = "redeemed"
EXPIRED = "expired"
CANCELLED = "cancelled"

STATES = (RESERVED, PART_USED, REDEEMED, EXPIRED, CANCELLED)
# Something of it can still be used.
USABLE = (RESERVED, PART_USED)

# step → (states it may start from, state it leads to)
STEPS: dict[str, tuple[frozenset[str], str]] = {
    "use": (frozenset(USABLE), PART_USED),
    "redeem": (frozenset(USABLE), REDEEMED),
    "expire": (frozenset(USABLE), EXPIRED),
    "cancel": (frozenset(USABLE), CANCELLED),
}

LABELS = {RESERVED: "待使用", PART_USED: "用了一部分", REDEEMED: "已使用", EXPIRED: "已过期", CANCELLED: "已退回"}

# The glyph of the design system that goes with a state (a circle that fills up), so that colour never stands alone.
GLYPHS = {RESERVED: "wait", PART_USED: "doing", REDEEMED: "fixed", EXPIRED: "back", CANCELLED: "back"}

# Vouchers in these states count against an item's limit per person: what was given back unused is no use of the offer.
COUNTED = (RESERVED, PART_USED, REDEEMED)


def may(step: str, state: str) -> bool:
    return state in STEPS[step][0]


def result(step: str) -> str:
    return STEPS[step][1]


# Points that a signal holds: somebody decides, or time does. All ends are final.
OPEN = "open"
POSTED = "posted"
VOIDED = "voided"
TIMED_OUT = "timed_out"
HOLD_STATES = (OPEN, POSTED, VOIDED, TIMED_OUT)
HOLD_STEPS: dict[str, tuple[frozenset[str], str]] = {
    "post": (frozenset({OPEN}), POSTED),
    "void": (frozenset({OPEN}), VOIDED),
    "time_out": (frozenset({OPEN}), TIMED_OUT),
}
HOLD_LABELS = {OPEN: "在看", POSTED: "已给", VOIDED: "没有给", TIMED_OUT: "到期处理"}

# Points that were earned without cover.
WAITING = "waiting"
PAID = "paid"
DROPPED = "dropped"
OWED_STATES = (WAITING, PAID, DROPPED)

# What a rider says against an entry: answered once, with points or without.
GRANTED = "granted"
REFUSED = "refused"
APPEAL_STATES = (OPEN, GRANTED, REFUSED)

# A rider's place in a line. What is offered is kept for a while; all ends are final, and a new line is a new row.
IN_LINE = "waiting"
OFFERED = "offered"
TAKEN = "taken"
LAPSED = "lapsed"
LEFT = "left"
WAITING_STATES = (IN_LINE, OFFERED, TAKEN, LAPSED, LEFT)
WAITING_OPEN = (IN_LINE, OFFERED)
WAITING_STEPS: dict[str, tuple[frozenset[str], str]] = {
    "offer": (frozenset({IN_LINE}), OFFERED),
    "take": (frozenset({OFFERED}), TAKEN),
    "lapse": (frozenset({IN_LINE, OFFERED}), LAPSED),
    "leave": (frozenset({IN_LINE, OFFERED}), LEFT),
}
WAITING_LABELS = {IN_LINE: "在排", OFFERED: "排到了", TAKEN: "已换", LAPSED: "没等到", LEFT: "不排了"}
