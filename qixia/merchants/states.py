"""The life of a merchant in the alliance: one table that services, constraints, buttons and tests read.

applied ──papers──▶ papers_in ──all accepted──▶ checked ──admit──▶ active ⇄ suspended
   │                   │                          │                    │        │
   └── refuse ─────────┴──────────────────────────┴▶ refused           └─ leave ┴▶ left
From refused and left one may apply again; who has good papers still is checked at once.
"""

from __future__ import annotations

APPLIED, PAPERS_IN, CHECKED, ACTIVE = "applied", "papers_in", "checked", "active"
SUSPENDED, LEFT, REFUSED = "suspended", "left", "refused"
STATES = (APPLIED, PAPERS_IN, CHECKED, ACTIVE, SUSPENDED, LEFT, REFUSED)
WAITING = (APPLIED, PAPERS_IN, CHECKED)
MEMBERS = (ACTIVE, SUSPENDED)
OPEN = (*WAITING, *MEMBERS)

_STAYS = {state: state for state in OPEN}

# step → {state that it may start from: state it leads to}
STEPS: dict[str, dict[str, str]] = {
    "apply": {REFUSED: APPLIED, LEFT: APPLIED},
    "hand_in_paper": _STAYS | {APPLIED: PAPERS_IN, CHECKED: PAPERS_IN},
    "find_complete": {APPLIED: CHECKED, PAPERS_IN: CHECKED},  # good papers may be there before the first verdict
    "check_paper": _STAYS,
    "agree": _STAYS,
    "admit": {CHECKED: ACTIVE},
    "refuse": dict.fromkeys(WAITING, REFUSED),
    "suspend": {ACTIVE: SUSPENDED},
    "resume": {SUSPENDED: ACTIVE},
    "leave": dict.fromkeys(OPEN, LEFT),
    "set_hours": _STAYS,
    "set_phone": _STAYS,
    "set_perk": _STAYS,
    "end_perk": _STAYS,
    "rate": {state: state for state in MEMBERS},
    "join_alliance": {state: state for state in MEMBERS},
}

LABELS = {
    APPLIED: "已申请",
    PAPERS_IN: "证照待查",
    CHECKED: "已查过",
    ACTIVE: "友好商家",
    SUSPENDED: "暂停中",
    LEFT: "已退出",
    REFUSED: "没有通过",
}
# The glyph of the look that goes with a state, so that colour never stands alone.
GLYPHS = {
    APPLIED: "wait",
    PAPERS_IN: "check",
    CHECKED: "doing",
    ACTIVE: "fixed",
    SUSPENDED: "back",
    LEFT: "back",
    REFUSED: "back",
}

# A paper: a person looks at it once.
HANDED_IN, ACCEPTED, TURNED_DOWN, REPLACED = "handed_in", "accepted", "turned_down", "replaced"
PAPER_STATES = (HANDED_IN, ACCEPTED, TURNED_DOWN, REPLACED)
PAPER_LABELS = {HANDED_IN: "待查", ACCEPTED: "有效", TURNED_DOWN: "没有通过", REPLACED: "已换新的"}


def may(step: str, state: str) -> bool:
    return state in STEPS[step]


def after(step: str, state: str) -> str:
    return STEPS[step][state]
