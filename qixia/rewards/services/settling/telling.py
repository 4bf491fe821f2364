"""What the rest of the house hears about statements: events, and notices to the shop's people and to administrators."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from qixia.jobs.registry import declare_event
from qixia.kernel import clock
from qixia.notices.services import Tell, tell_many
from qixia.people.queries import people_with_roles, staff_of
from qixia.rewards import settling
from qixia.rewards.models import Correction, Dispute, Payment, Statement

ISSUED = declare_event("rewards.statement_issued")
DISPUTED = declare_event("rewards.statement_disputed")
ANSWERED = declare_event("rewards.statement_answered")
CORRECTED = declare_event("rewards.statement_corrected")
AGREED = declare_event("rewards.statement_agreed")
PAID = declare_event("rewards.statement_paid")
UNPAID = declare_event("rewards.payment_reversed")


def issued(row: Statement) -> None:
    _shop(row, "statement.issued", f"issued|{row.object_until:%Y%m%d}")


def reminded(row: Statement) -> None:
    _shop(row, "statement.reminder", f"reminder|{row.object_until:%Y%m%d}")


def lapsed(row: Statement) -> None:
    _shop(row, "statement.lapsed", "lapsed")


def disputed(row: Statement, made: Dispute) -> None:
    _city(row, "statement.disputed", made.public_id, {"shop": row.merchant.name, "text": made.reason})


def answered(row: Statement, found: Dispute) -> None:
    template = "statement.corrected" if found.state == settling.ACCEPTED else "statement.refused"
    _shop(row, template, found.public_id, {"text": found.answer})


def corrected(row: Statement, made: Correction, at_once: bool) -> None:
    template = "statement.corrected" if at_once else "statement.corrected_later"
    _shop(row, template, made.public_id, {"text": made.reason, "yuan": _yuan(made.fen)})


def paid(row: Statement, made: Payment) -> None:
    _shop(row, "statement.paid", made.public_id, {"yuan": _yuan(made.fen), "until": f"{made.paid_on:%Y-%m-%d}"})


def unpaid(row: Statement, found: Payment) -> None:
    _shop(row, "statement.unpaid", f"unpaid|{found.public_id}", {"text": found.reversal_reason})


def waits(row: Statement) -> None:
    """No budget covers it: whoever keeps the budgets is told once."""
    _city(row, "statement.uncovered", "uncovered", {"shop": row.merchant.name})


def _shop(row: Statement, template: str, key: str, params: dict[str, Any] | None = None) -> None:
    people = sorted({one.person_id for one in staff_of(row.merchant_id, "merchant")})
    _tell(people, row, template, key, params, f"/m/statements/{row.public_id}")


def _city(row: Statement, template: str, key: str, params: dict[str, Any]) -> None:
    _tell(people_with_roles("admin"), row, template, key, params, f"/desk/rewards/settlement/{row.public_id}")


def _tell(
    people: Iterable[int], row: Statement, template: str, key: str, params: dict[str, Any] | None, link: str
) -> None:
    until = clock.city_date(row.object_until) if row.object_until else None
    facts = {"month": f"{row.month:%Y-%m}", "yuan": _yuan(row.fen), "until": f"{until:%Y-%m-%d}" if until else ""}
    tell_many(
        Tell(person, template, facts | (params or {}), link, f"{row.ref}|{template}|{key}|{person}")
        for person in people
    )


def _yuan(fen: int) -> str:
    return f"{fen / 100:.2f}"
