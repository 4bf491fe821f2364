"""Statements of a month are issued.

Truth    all sums of a statement are those of its lines, written in one transaction with the money that they move and the
         state; until then it is a draft that nobody sees.
Cover    money without cover is not promised: the statement waits as a draft, administrators are told once, and every run
         tries again.
Retries  a statement a merchant and month (unique); a run that was killed is taken up by the next one.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.db import transaction

from qixia.audit.services import record
from qixia.jobs.services import publish
from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.people.access import SYSTEM, Actor
from qixia.rewards import settling
from qixia.rewards.access import must_settle
from qixia.rewards.errors import NoCover, OwnStatement
from qixia.rewards.models import Statement
from qixia.rewards.services.settling import booking, correcting, gathering, moves, telling

log = logging.getLogger("qixia.rewards")


@dataclass(frozen=True, slots=True)
class Issued:
    """What a run did: public ids."""

    issued: list[str]
    waiting: list[str]


def issue_due() -> Issued:
    """The job: last month's statements from the day of issue on, and drafts that wait for a budget."""
    month = settling.due_month(moves.terms(), clock.city_date(clock.now()))
    done = _issue(gathering.merchants_with_matter(month), month, SYSTEM.ref) if month else Issued([], [])
    for statement, of in _left_over():
        if statement not in done.waiting:
            again = _issue([of[0]], of[1], SYSTEM.ref)
            done.issued.extend(again.issued)
            done.waiting.extend(again.waiting)
    return done


def _left_over() -> list[tuple[str, tuple[int, date]]]:
    drafts = Statement.objects.filter(state=settling.DRAFT).order_by("month", "pk")
    return [
        (ref, (merchant, month)) for ref, merchant, month in drafts.values_list("public_id", "merchant_id", "month")
    ]


def issue_month(*, actor: Actor, month: date, merchants: Collection[int] = ()) -> Issued:
    """Issue by hand what a month has, of `merchants` or of all. What is issued already stays as it is."""
    must_settle(actor)
    month = settling.first_of(month)
    if month >= settling.first_of(clock.city_date(clock.now())):
        raise Invalid("这个月还没有过完，不能出账单。", field="month")
    own = actor.organisation_ids("merchant")
    if own.intersection(merchants):
        raise OwnStatement
    wanted = [one for one in gathering.merchants_with_matter(month) if not merchants or one in merchants]
    return _issue([one for one in wanted if one not in own], month, actor.ref)


def _issue(merchants: Collection[int], month: date, by: str) -> Issued:
    done = Issued([], [])
    for merchant in merchants:
        draft = Statement.objects.get_or_create(merchant_id=merchant, month=month)[0]
        if draft.state != settling.DRAFT:
            continue  # what came since then goes to the next month
        while gathering.gather(draft.pk):
            pass
        try:
            if _finish(draft.pk, by):
                done.issued.append(draft.public_id)
        except NoCover:
            _wait(draft.pk, by)
            done.waiting.append(draft.public_id)
    return done


@transaction.atomic
def _finish(pk: int, by: str) -> bool:
    """Sums, money, state: all of it or nothing."""
    first = Statement.objects.only("merchant_id").get(pk=pk)
    rows = Statement.objects.select_for_update(of=("self",)).select_related("merchant")
    same = {row.pk: row for row in rows.filter(merchant_id=first.merchant_id).order_by("pk")}
    row = same[pk]
    if row.state != settling.DRAFT:
        return False
    for one in gathering.open_corrections().filter(statement__merchant_id=row.merchant_id).order_by("pk"):
        correcting.add(row, one)
    _bring(row, [one for one in same.values() if one.month < row.month and _is_carried(one)])
    found = moves.sums(row)
    row.posting = booking.book_uses(row, moves.paid_at_issue(row), by)
    for name, value in moves.with_outcome(row, found).items():
        setattr(row, name, value)
    row.issued_at, row.issued_by, row.waits_since = clock.now(), by, None
    row.object_until = moves.time_to_object()
    row.state = settling.result("issue")
    row.save()
    record("rewards.statement_issued", subject=row.ref, actor=by, month=f"{row.month:%Y-%m}", due=row.due_fen)
    publish(telling.ISSUED, row.ref, {"month": f"{row.month:%Y-%m}", "uses": row.uses, "due_fen": row.due_fen})
    telling.issued(row)
    return True


def _is_carried(row: Statement) -> bool:
    return row.state == settling.AGREED and row.carried_into_id is None and row.carried_fen != 0


def _bring(row: Statement, earlier: Collection[Statement]) -> None:
    """Sums that earlier months carried over stand on this statement now, and on no other."""
    row.brought_fen = sum(one.carried_fen for one in earlier)
    row.brought_points = sum(one.carried_points for one in earlier)
    Statement.objects.filter(pk__in=[one.pk for one in earlier]).update(carried_into=row)


@transaction.atomic
def _wait(pk: int, by: str) -> None:
    row = Statement.objects.select_for_update(of=("self",)).select_related("merchant").get(pk=pk)
    if row.state != settling.DRAFT or row.waits_since is not None:
        return
    row.waits_since = clock.now()
    row.save(update_fields=["waits_since"])
    log.warning("a statement waits for a budget", extra={"statement": row.public_id})
    record("rewards.statement_waits", subject=row.ref, actor=by, month=f"{row.month:%Y-%m}")
    telling.waits(row)
