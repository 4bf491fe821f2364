"""The life of an offer: one table that services, constraints and tests read.

open ──take──▶ taken ──complete──▶ done
  ▲              │ give back, or the lease ran out
  └──────────────┘
open, taken ──expire──▶ expired (the window is over)     open, taken ──withdraw──▶ withdrawn (nobody needs it now)
"""

from __future__ import annotations

OPEN, TAKEN, DONE, EXPIRED, WITHDRAWN = "open", "taken", "done", "expired", "withdrawn"
STATES = (OPEN, TAKEN, DONE, EXPIRED, WITHDRAWN)
LIVE = (OPEN, TAKEN)

# step → (states that it may start from, state it leads to)
STEPS: dict[str, tuple[frozenset[str], str]] = {
    "take": (frozenset({OPEN}), TAKEN),
    "give_back": (frozenset({TAKEN}), OPEN),
    "complete": (frozenset({TAKEN}), DONE),
    "expire": (frozenset(LIVE), EXPIRED),
    "withdraw": (frozenset(LIVE), WITHDRAWN),
}


def may(step: str, state: str) -> bool:
    return state in STEPS[step][0]
