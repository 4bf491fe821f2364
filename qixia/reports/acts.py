"""What may be done to many cases at once: one table. Buttons, preview, services and tests read it. Pure.

Only acts that need no photo and no judgement of a picture stand here. `wants` are the fields that the act cannot do
without; those in `may` are offered and may stay empty.
"""

from __future__ import annotations

from dataclasses import dataclass

MOST = 200  # cases of one run
UNIT, CLERK = ("worker", "unit_lead"), ("clerk", "supervisor", "admin")


@dataclass(frozen=True, slots=True)
class BulkAct:
    """`step` of states.STEPS; `roles`: who is offered it."""

    key: str
    label: str
    icon: str
    step: str
    roles: tuple[str, ...]
    wants: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()

    @property
    def fields(self) -> frozenset[str]:
        return self.wants | self.may


ACTS = {
    act.key: act
    for act in (
        BulkAct("accept", "签收", "checks", "accept", UNIT),
        BulkAct("assign", "指派", "user", "assign", UNIT, frozenset({"person"})),
        BulkAct("answer", "答复", "message-2", "answer", UNIT, frozenset({"text"})),
        BulkAct("validate", "认定属实", "check", "validate", CLERK, may=frozenset({"text"})),
        BulkAct("redirect", "改派", "route", "redirect", CLERK, frozenset({"unit", "text"})),
        BulkAct(
            "pause", "暂停计时", "clock-pause", "pause", CLERK, frozenset({"reason"}), frozenset({"until", "text"})
        ),
        BulkAct("resume", "恢复计时", "clock-play", "resume", CLERK, may=frozenset({"text"})),
    )
}


def acts_for(roles: frozenset[str]) -> list[BulkAct]:
    """What somebody with these roles is offered, in the order of the table."""
    return [act for act in ACTS.values() if not roles.isdisjoint(act.roles)]
