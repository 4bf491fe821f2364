"""The way of a report from unit to unit, read from its history, without a database.

Return   names who should act; the named unit has it at once, may object once, then the supervisor decides.
Limits   a unit that said "not ours" is never named again for the same report; returns are counted over its whole life
         (rule "reports.ways"); what a supervisor decided is final.
Charge   the first unit asked stays in charge until another one accepts: `Report.charge`, shown beside the path.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

# Steps after which another unit has it; `data["unit"]` is its code.
SENDING = ("settle", "sort", "redirect", "cut", "return", "decide")
# A unit says that it is not the right one; `data["from"]` is its code.
REFUSING = ("return", "object", "refer")
TELLING = frozenset((*SENDING, *REFUSING))


class HasStep(Protocol):
    step: str
    at: datetime
    by: str
    text: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Move:
    """One step on the way. `to` "" if nobody has it then; `name` is how the unit that has it, or refuses, was called."""

    step: str
    to: str
    origin: str
    name: str
    why: str
    at: datetime


def moves_of(history: Iterable[HasStep]) -> list[Move]:
    """The steps of `history` (in its order) that tell of the way."""
    return [
        Move(one.step, str(one.data.get("unit", "")), str(one.data.get("from", "")), one.by, one.text, one.at)
        for one in history
        if one.step in TELLING
    ]


def returns(moves: Sequence[Move]) -> int:
    """How often a unit returned it to another one."""
    return sum(move.step == "return" for move in moves)


def refused(moves: Sequence[Move]) -> frozenset[str]:
    """Codes of the units that said: not ours."""
    return frozenset(move.origin for move in moves if move.step in ("return", "object"))


def is_decided(moves: Sequence[Move]) -> bool:
    """Whether a supervisor named the unit that has it."""
    sent = [move for move in moves if move.step in SENDING]
    return bool(sent) and sent[-1].step == "decide"


def may_object(moves: Sequence[Move], unit: str) -> bool:
    """Whether this unit has it because another one named it, and has not objected before."""
    sent = [move for move in moves if move.step in SENDING]
    named = bool(sent) and sent[-1].step == "return" and sent[-1].to == unit
    return named and not any(move.step == "object" and move.origin == unit for move in moves)
