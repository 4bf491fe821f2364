"""Money that is added to a statement or taken from it.

Where    a statement that is issued or disputed gets the line at once, with a new sum and new time to object; one that is
         agreed or paid stands, and the next month's statement gets it.
Errors   Invalid names "fen", "reason" or "client_key"; NoCover when no budget gives it. Nothing changed then.
Retries  the same key again gives the first correction and moves nothing; with another sum or reason it is KeyReused.
"""

from __future__ import annotations

from django.db import transaction

from qixia.audit.services import record
from qixia.jobs.services import publish
from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.people.access import Actor
from qixia.rewards import rules, settling
from qixia.rewards.errors import BadClientKey, KeyReused
from qixia.rewards.models import Correction, Statement, StatementLine
from qixia.rewards.services.settling import booking, moves, telling

SHORTEST_KEY, LONGEST_KEY = 8, 64


@transaction.atomic
def correct(*, actor: Actor, statement: str, fen: int, reason: str, client_key: str) -> Correction:
    """Correct a statement by `fen`, which may be negative, without an objection. `client_key`: the form's own."""
    if not (SHORTEST_KEY <= len(client_key) <= LONGEST_KEY and client_key.isascii() and client_key.isprintable()):
        raise BadClientKey(field="client_key")
    row = moves.locked_for_city(actor, statement)
    words = reason.strip()
    if not 2 <= len(words) <= 200:
        raise Invalid("请写明理由，商家看得到，2 到 200 个字。", field="reason")
    earlier = row.corrections.filter(client_key=client_key).first()
    if earlier is not None:
        if (earlier.fen, earlier.reason) != (fen, words):
            raise KeyReused(field="client_key")
        return earlier
    made = make(row, fen=fen, reason=words, by=actor.ref, client_key=client_key)
    is_in_time = row.state not in settling.FIRM
    if is_in_time:
        put(row, made)
        row.object_until, row.reminded_at = moves.time_to_object(), None
        row.save(update_fields=["object_until", "reminded_at"])
    record("rewards.statement_corrected", subject=row.ref, actor=actor.ref, fen=fen, at_once=is_in_time)
    publish(telling.CORRECTED, row.ref, {"fen": fen, "at_once": is_in_time})
    telling.corrected(row, made, is_in_time)
    return made


def make(row: Statement, *, fen: int, reason: str, by: str, client_key: str | None = None) -> Correction:
    if not fen or abs(fen) > rules.MOST:
        raise Invalid("请写更正多少元，多付写正数，少付写负数。", field="fen")
    return Correction.objects.create(statement=row, fen=fen, reason=reason[:200], by=by, client_key=client_key)


def put(row: Statement, made: Correction, about: StatementLine | None = None) -> None:
    """Add the line to a locked statement that still takes lines, and move the money."""
    add(row, made, about)
    found = moves.with_outcome(row, moves.sums(row))
    for name, value in found.items():
        setattr(row, name, value)
    row.save(update_fields=list(found))


def add(row: Statement, made: Correction, about: StatementLine | None = None) -> StatementLine:
    """The line and its posting; the sums are the caller's."""
    now = clock.now()
    title = about.title if about else f"{made.statement.month:%Y-%m}"
    return StatementLine.objects.create(
        statement=row,
        kind=settling.CORRECTION,
        correction=made,
        posting=booking.book_correction(row, made),
        day=clock.city_date(now),
        taken_at=now,
        late=made.statement_id != row.pk,
        title=title,
        tail=about.tail if about else "",
        fen=made.fen,
        note=made.reason,
    )
