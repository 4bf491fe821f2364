"""A merchant agrees, or says nothing for as long as the policy gives.

Who      a keeper of the shop agrees; whoever works there may look and object. Silence agrees after the working days of
         the policy, and the merchant is told so at the issue and again before the end.
Nothing  to pay: the statement is closed at once, and its points are retired.
Retries  agreeing again returns the statement.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from qixia.audit.services import record
from qixia.jobs.services import publish
from qixia.kernel import clock
from qixia.kernel.worktime import Span
from qixia.people.access import SYSTEM, Actor
from qixia.policy.queries import working_calendar
from qixia.rewards import settling
from qixia.rewards.access import must_keep_shop, must_see_statement
from qixia.rewards.errors import StatementNotNow
from qixia.rewards.models import Statement
from qixia.rewards.services.settling import booking, moves, telling


@transaction.atomic
def agree(*, actor: Actor, statement: str, seen_fen: int | None = None) -> Statement:
    """Say yes to a statement. `seen_fen`: the sum that was on the page, so that nobody agrees to another one."""
    must_see_statement(actor, statement)
    row = moves.locked(statement)
    must_keep_shop(actor, row.merchant_id)
    if row.state in settling.FIRM and row.agreed_by == actor.ref:
        return row
    if seen_fen is not None and seen_fen != row.fen + row.brought_fen:
        raise StatementNotNow("账单刚刚更正过，请看过新的再确认。")
    _agree(row, "agree", actor.ref)
    return row


def _agree(row: Statement, step: str, by: str) -> None:
    said = "" if step == "lapse" else by
    moves.take_step(row, step, agreed_at=clock.now(), agreed_by=said, pay_until=moves.time_to_pay())
    record("rewards.statement_agreed", subject=row.ref, actor=by, silent=step == "lapse", due=row.due_fen)
    publish(telling.AGREED, row.ref, {"silent": step == "lapse", "due_fen": row.due_fen})
    if not row.due_fen and not row.carried_fen:
        _close(row, by)


def _close(row: Statement, by: str) -> None:
    """Nothing is to be paid: what was used is settled."""
    words = {"month": f"{row.month:%Y-%m}"}
    posting = booking.book_payment(row, row.ref, by, words) if row.due_points else None
    moves.take_step(row, "close", paid_at=clock.now(), closing=posting)


def agree_silent(*, limit: int = 100) -> int:
    """Statements to which nobody objected in time are agreed. Returns how many; one transaction each."""
    due = Statement.objects.filter(state=settling.ISSUED, object_until__lt=clock.now()).order_by("pk")
    found = list(due.values_list("public_id", flat=True)[:limit])
    return sum(_lapse(public_id) for public_id in found)


@transaction.atomic
def _lapse(public_id: str) -> bool:
    row = moves.locked(public_id)
    if row.state != settling.ISSUED or row.object_until is None or row.object_until >= clock.now():
        return False
    _agree(row, "lapse", SYSTEM.ref)
    telling.lapsed(row)
    return True


def remind_silent(*, limit: int = 100) -> int:
    """Merchants whose time to object ends soon are told, once a time. Returns how many."""
    days, now = moves.terms().remind_days, clock.now()
    if not days:
        return 0
    # The end of so many working days from now; what ends by then is told today.
    soon = working_calendar().work.add(now, Span(days, "工作日")) + timedelta(minutes=1)
    open_now = Statement.objects.filter(state=settling.ISSUED, reminded_at=None, object_until__gte=now)
    due = open_now.filter(object_until__lte=soon).order_by("pk").values_list("public_id", flat=True)[:limit]
    return sum(_remind(public_id) for public_id in list(due))


@transaction.atomic
def _remind(public_id: str) -> bool:
    row = moves.locked(public_id)
    if row.state != settling.ISSUED or row.reminded_at is not None:
        return False
    row.reminded_at = clock.now()
    row.save(update_fields=["reminded_at"])
    record("rewards.statement_reminded", subject=row.ref, actor=SYSTEM.ref)
    telling.reminded(row)
    return True
