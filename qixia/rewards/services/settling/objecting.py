"""A merchant objects to a line or to the whole of a statement; the city answers.

Truth    a statement is `disputed` while an objection waits. Each line, and the whole, can be objected to once.
Retries  the same objection again, and the same answer again, are refused as ended: nothing changes.
Errors   Invalid names "reason", "fen" or "answer"; NoCover when a correction has no cover. Nothing changed then.
"""

from __future__ import annotations

from django.db import transaction

from qixia.audit.services import record
from qixia.jobs.services import publish
from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.people.access import Actor
from qixia.rewards import settling
from qixia.rewards.access import must_see_statement
from qixia.rewards.errors import AlreadyDisputed, DisputeEnded, NoSuchDispute, NoSuchStatement, TooLateToObject
from qixia.rewards.models import Dispute, Statement, StatementLine
from qixia.rewards.services.settling import correcting, moves, telling

LONGEST = 300


@transaction.atomic
def dispute(*, actor: Actor, statement: str, reason: str, line: int | None = None) -> Dispute:
    """Say what is wrong, by anybody of the shop. `line`: its key; none for the whole statement."""
    must_see_statement(actor, statement)
    row = moves.locked(statement)
    moves.must_be(row, "dispute")
    if row.object_until is None or row.object_until < clock.now():
        raise TooLateToObject
    words = reason.strip()
    if not 2 <= len(words) <= LONGEST:
        raise Invalid("请写明哪里不对，2 到 300 个字。", field="reason")
    about = _line(row, line)
    if Dispute.objects.filter(statement=row, line=about).exists():
        raise AlreadyDisputed(field="reason")
    made = Dispute.objects.create(statement=row, line=about, reason=words, by=actor.ref)
    moves.take_step(row, "dispute")
    record("rewards.statement_disputed", subject=row.ref, actor=actor.ref, dispute=made.public_id, line=line or 0)
    publish(telling.DISPUTED, row.ref, {"dispute": made.public_id})
    telling.disputed(row, made)
    return made


def _line(row: Statement, key: int | None) -> StatementLine | None:
    if key is None:
        return None
    found = StatementLine.objects.filter(statement=row, pk=key).first()
    if found is None:
        raise NoSuchStatement
    return found


@transaction.atomic
def answer_dispute(*, actor: Actor, dispute: str, answer: str, fen: int = 0) -> Dispute:
    """Answer an objection. `fen` ≠ 0 accepts it and corrects the statement by so much; 0 refuses it. When none waits any
    more, the time to object begins anew."""
    known = Dispute.objects.filter(public_id=dispute).values_list("statement__public_id", flat=True).first()
    if known is None:
        raise NoSuchDispute
    row = moves.locked_for_city(actor, known)
    found = Dispute.objects.select_related("line").get(public_id=dispute)
    if found.state != settling.OPEN:
        raise DisputeEnded
    words = answer.strip()
    if not 2 <= len(words) <= LONGEST:
        raise Invalid("请写明理由，商家看得到，2 到 300 个字。", field="answer")
    if found.line is not None and found.line.fen + fen < 0:
        raise Invalid("这一笔最多减 %(most)s 元。", field="fen", most=f"{found.line.fen / 100:.2f}")
    if fen:
        made = correcting.make(row, fen=fen, reason=words, by=actor.ref)
        correcting.put(row, made, about=found.line)
        found.correction = made
    found.state = settling.ACCEPTED if fen else settling.REFUSED
    found.answer, found.answered_by, found.answered_at = words, actor.ref, clock.now()
    found.save(update_fields=["state", "answer", "answered_by", "answered_at", "correction"])
    if not row.disputes.filter(state=settling.OPEN).exists():
        moves.take_step(row, "resume", object_until=moves.time_to_object(), reminded_at=None)
    record("rewards.statement_answered", subject=row.ref, actor=actor.ref, dispute=found.public_id, fen=fen)
    publish(telling.ANSWERED, row.ref, {"dispute": found.public_id, "fen": fen})
    telling.answered(row, found)
    return found
