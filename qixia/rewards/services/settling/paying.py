"""The city paid a merchant: the payment is written down, and what was owed leaves the settlement accounts.

Who      four eyes: whoever issued the statement by hand, answered an objection to it or corrected it does not record its
         payment. A statement of the own shop is nobody's.
Once     the state and a unique index; two clerks at once: one is told that it is paid.
Wrong    a payment is reversed once, by reference, with a reason; then the right one can be recorded.
"""

from __future__ import annotations

from datetime import date

from django.db import transaction

from qixia.audit.services import record
from qixia.jobs.services import publish
from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.kernel.ids import new_public_id
from qixia.people.access import Actor
from qixia.rewards import settling
from qixia.rewards.errors import BankRefUsed, NeedsOtherEyes, NoSuchPayment, PaymentReversed
from qixia.rewards.models import Payment, Statement
from qixia.rewards.services.settling import booking, moves, telling


def hands_on(statement: Statement) -> set[str]:
    """Who had a hand in the sum of a statement; they do not pay it. Two statements."""
    answered = statement.disputes.exclude(answered_by="").values_list("answered_by", flat=True)
    corrected = statement.lines.filter(kind=settling.CORRECTION).values_list("correction__by", flat=True)
    return {statement.issued_by, *answered, *corrected}


@transaction.atomic
def record_payment(*, actor: Actor, statement: str, fen: int, paid_on: date, bank_ref: str) -> Payment:
    """Write down what the bank did. `fen` must be what is due."""
    row = moves.locked_for_city(actor, statement)
    number = bank_ref.strip()
    same = row.payments.filter(reversed_at=None, fen=fen, paid_on=paid_on, bank_ref=number, by=actor.ref).first()
    if same is not None:
        return same  # the form came twice
    moves.must_be(row, "pay")
    if actor.ref in hands_on(row):
        raise NeedsOtherEyes
    _check(row, fen, paid_on, number)
    public_id = new_public_id()
    posting = booking.book_payment(
        row, f"payment:{public_id}", actor.ref, {"month": f"{row.month:%Y-%m}", "bank_ref": number}
    )
    made = Payment.objects.create(
        public_id=public_id, statement=row, fen=fen, paid_on=paid_on, bank_ref=number, by=actor.ref, posting=posting
    )
    moves.take_step(row, "pay", paid_at=clock.now())
    record("rewards.statement_paid", subject=row.ref, actor=actor.ref, payment=public_id, fen=fen)
    publish(telling.PAID, row.ref, {"payment": public_id, "fen": fen})
    telling.paid(row, made)
    return made


def _check(row: Statement, fen: int, paid_on: date, number: str) -> None:
    if not row.due_fen:
        raise Invalid("这一期不到起付额，结转到下个月，不用付款。", field="fen")
    if fen != row.due_fen:
        raise Invalid("金额对不上：应付 %(due)s 元。", field="fen", due=f"{row.due_fen / 100:.2f}")
    if not 4 <= len(number) <= 40:
        raise Invalid("请填银行流水号，4 到 40 个字。", field="bank_ref")
    if row.agreed_at is None or not clock.city_date(row.agreed_at) <= paid_on <= clock.city_date(clock.now()):
        raise Invalid("付款日期要在确认之后、今天或以前。", field="paid_on")
    if Payment.objects.filter(bank_ref=number, reversed_at=None).exists():
        raise BankRefUsed(field="bank_ref")


@transaction.atomic
def reverse_payment(*, actor: Actor, payment: str, reason: str) -> Payment:
    """Take back a payment that was recorded by mistake, once."""
    known = Payment.objects.filter(public_id=payment).values_list("statement__public_id", flat=True).first()
    if known is None:
        raise NoSuchPayment
    row = moves.locked_for_city(actor, known)
    found = Payment.objects.select_related("posting").get(public_id=payment)
    if found.reversed_at is not None:
        raise PaymentReversed
    words = reason.strip()
    if not 2 <= len(words) <= 200:
        raise Invalid("请写明为什么撤回，2 到 200 个字。", field="reason")
    booking.reverse_payment(row, found, actor.ref, words)
    found.reversed_at, found.reversed_by, found.reversal_reason = clock.now(), actor.ref, words
    found.save(update_fields=["reversed_at", "reversed_by", "reversal_reason"])
    moves.take_step(row, "unpay", paid_at=None)
    record("rewards.payment_reversed", subject=row.ref, actor=actor.ref, payment=payment, fen=found.fen)
    publish(telling.UNPAID, row.ref, {"payment": payment, "fen": found.fen})
    telling.unpaid(row, found)
    return found
