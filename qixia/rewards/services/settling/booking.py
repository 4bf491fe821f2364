"""What settling moves in the books. Every act once by its source: "statement:…", "correction:…", "payment:…".

Issue      money: budget → settlement, for the uses of the month (settle_money: NoCover without cover).
Correction money: budget → settlement, or back to the budget that the statement was covered from.
Payment    money: settlement → paid; points: settlement → retired. A wrong one is reversed once, by reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qixia.kernel import clock
from qixia.rewards import rules, sealing
from qixia.rewards.errors import NoCover
from qixia.rewards.models import Correction, Payment, Posting, Statement
from qixia.rewards.services import books, budgets, telling
from qixia.rewards.services.money import settle_money

SETTLED = "rewards.settled"
CORRECTED = "rewards.corrected"
PAID_OUT = "rewards.paid_out"
RETURNED = "rewards.payment_reversed"


def payee_of(statement: Statement) -> str:
    """Whose settlement account it is. `statement.merchant` is loaded."""
    return f"organisation:{statement.merchant.public_id}"


def book_uses(statement: Statement, fen: int, actor: str) -> Posting | None:
    """Money for the uses of a month; none for nothing."""
    if not fen:
        return None
    words = {"month": f"{statement.month:%Y-%m}"}
    return settle_money(
        payee=payee_of(statement), fen=fen, source=statement.ref, act=SETTLED, actor=actor, params=words
    )


def book_correction(statement: Statement, correction: Correction) -> Posting:
    """`statement`: the one that gets the line. NoCover where no budget could give, or take back."""
    payee, words = payee_of(statement), {"month": f"{statement.month:%Y-%m}"}
    if correction.fen > 0:
        return settle_money(
            payee=payee, fen=correction.fen, source=correction.ref, act=CORRECTED, actor=correction.by, params=words
        )
    return _give_back(statement, correction, words)


def _give_back(statement: Statement, correction: Correction, words: Mapping[str, Any]) -> Posting:
    origin = _origin(statement, correction.ref)
    draft = _draft(statement, correction.ref, rules.SETTLE, "money", CORRECTED, correction.by, correction.fen, words)
    settlement = books.collecting(payee_of(statement), rules.SETTLEMENT, unit=rules.FEN)
    slot = rules.slot_of(correction.ref)
    draft.lines = [books.move(settlement[slot], correction.fen), books.move(origin, -correction.fen)]
    made = _write(draft)
    budgets.give_back_to({origin.id: -correction.fen})
    return made


def _origin(statement: Statement, source: str) -> books.Pot:
    """The budget's account that money goes back to: the one that the statement was covered from, else today's."""
    if statement.posting_id is not None:
        return budgets.origins([statement.posting_id])[statement.posting_id]
    cover = budgets.cover_of(rules.CITY, unit=rules.FEN)
    if cover.budget is None:
        raise NoCover(field="fen")
    return cover.pot(source)


def book_payment(statement: Statement, ref: str, actor: str, words: Mapping[str, Any]) -> Posting:
    """What is due leaves the settlement accounts. `ref`: the payment's, or the statement's where nothing is paid."""
    draft = _draft(statement, ref, rules.PAY, "payment", PAID_OUT, actor, statement.due_fen, words)
    payee, slot = payee_of(statement), rules.slot_of(ref)
    if statement.due_fen:
        settlement = books.collecting(payee, rules.SETTLEMENT, unit=rules.FEN)
        paid = books.collecting(payee, rules.PAID_OUT, unit=rules.FEN)
        draft.lines += [books.move(settlement[slot], -statement.due_fen), books.move(paid[slot], statement.due_fen)]
    if statement.due_points:
        settlement = books.collecting(payee, rules.SETTLEMENT)
        retired = books.collecting(rules.CITY, rules.RETIRED)
        draft.lines += [
            books.move(settlement[slot], -statement.due_points),
            books.move(retired[slot], statement.due_points),
        ]
    return _write(draft)


def reverse_payment(statement: Statement, payment: Payment, actor: str, reason: str) -> Posting:
    """All of a payment's entries the other way round."""
    original = payment.posting
    words = {"month": f"{statement.month:%Y-%m}", "reason": reason, "of_day": payment.paid_on.isoformat()}
    draft = _draft(statement, payment.ref, rules.REVERSAL, "payment", RETURNED, actor, -payment.fen, words)
    draft.key = sealing.stored_key(f"reverse|{original.key}")
    draft.reverses_id = original.pk
    entries = original.entries.order_by("pk").values_list("account_id", "amount", "account__unit")
    draft.lines = [books.Line(account, -amount, None, unit) for account, amount, unit in entries]
    return _write(draft)


def _draft(
    statement: Statement, source: str, kind: str, rule: str, act: str, actor: str, fen: int, words: Mapping[str, Any]
) -> books.Draft:
    payee = payee_of(statement)
    return books.Draft(
        key=sealing.stored_key(rules.posting_key(rule, source, payee)),
        kind=kind,
        rule=rule,
        rule_version=0,
        act=act,
        source=sealing.stored_source(source),
        beneficiary=payee,
        actor=actor,
        at=clock.now(),
        points=0,
        nominal=fen,
        unit=rules.FEN,
        lines=[],
        available_after=0,
        params={"fen": fen, **words},
    )


def _write(draft: books.Draft) -> Posting:
    made: Sequence[Posting] = books.write([draft])
    telling.recorded(made)
    return made[0]
