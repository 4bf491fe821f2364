"""The one way in which a statement's state changes, the sums that stand on it, and who may act on which.

Every caller holds the statement's lock (`locked`)."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from qixia.kernel import clock
from qixia.kernel.worktime import Span
from qixia.people.access import Actor
from qixia.policy.queries import current, working_calendar
from qixia.rewards import settling
from qixia.rewards.access import must_settle
from qixia.rewards.errors import NoSuchStatement, OwnStatement, StatementNotNow
from qixia.rewards.models import Statement
from qixia.rewards.models.statements import PAID_AT_ISSUE

KIND = "rewards.settlement"


def terms() -> settling.SettlementPolicy:
    found: settling.SettlementPolicy = current(KIND).data
    return found


def locked(public_id: str) -> Statement:
    """A statement with its merchant, locked until the transaction ends. Drafts do not exist yet."""
    rows = Statement.objects.select_for_update(of=("self",)).select_related("merchant")
    found = rows.filter(public_id=public_id, state__in=settling.SHOWN).first()
    if found is None:
        raise NoSuchStatement
    return found


def locked_for_city(actor: Actor, public_id: str) -> Statement:
    """The same for who settles for the city; never one of the own shop."""
    must_settle(actor)
    found = locked(public_id)
    if found.merchant_id in actor.organisation_ids("merchant"):
        raise OwnStatement
    return found


def must_be(statement: Statement, step: str) -> None:
    if not settling.may(step, statement.state):
        raise StatementNotNow(state=_(settling.LABELS[statement.state]))


def take_step(statement: Statement, step: str, **changes: Any) -> None:
    """Move a locked statement, or StatementNotNow and nothing changed."""
    must_be(statement, step)
    statement.state = settling.result(step)
    for name, value in changes.items():
        setattr(statement, name, value)
    statement.save(update_fields=["state", *changes])


def sums(statement: Statement) -> dict[str, int]:
    """Columns of the statement that its lines determine. One statement."""
    return {
        name.removeprefix("sum_"): value
        for name, value in statement.lines.aggregate(
            sum_uses=Count("pk", filter=Q(kind=settling.USE)),
            sum_late=Count("pk", filter=Q(late=True)),
            sum_points=Coalesce(Sum("points"), 0),
            sum_fen=Coalesce(Sum("fen"), 0),
            sum_lost_fen=Coalesce(Sum("fen", filter=Q(kind=settling.LOSS)), 0),
            sum_corrected_fen=Coalesce(Sum("fen", filter=Q(kind=settling.CORRECTION)), 0),
        ).items()
    }


def paid_at_issue(statement: Statement) -> int:
    """What the posting of the whole statement moves: the money of its other lines was moved one by one."""
    found: int | None = statement.lines.filter(PAID_AT_ISSUE).aggregate(total=Sum("fen"))["total"]
    return found or 0


def with_outcome(statement: Statement, found: dict[str, int]) -> dict[str, int]:
    """The sums, and what becomes of them with what was brought over."""
    ends = settling.outcome(
        terms(),
        statement.month,
        fen=found["fen"] + statement.brought_fen,
        points=found["points"] + statement.brought_points,
    )
    return found | {
        "due_fen": ends.due_fen,
        "due_points": ends.due_points,
        "carried_fen": ends.carried_fen,
        "carried_points": ends.carried_points,
    }


def time_to_object() -> Any:
    """When the time to object that begins now is over."""
    return working_calendar().work.add(clock.now(), Span(terms().object_days, "工作日"))


def time_to_pay() -> Any:
    return working_calendar().work.add(clock.now(), Span(terms().pay_days, "工作日"))
