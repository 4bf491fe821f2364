"""What the city owes merchants: one module a step of a statement's life.

gathering  lines of a draft, from uses and losses that no statement has
issuing    issue_month: a draft becomes a statement that the merchant sees
objecting  dispute, answer_dispute
correcting correct
agreeing   agree, agree_silent, remind_silent
paying     record_payment, reverse_payment
booking    what moves in the books for each of them
proving    statements against the books, for the proof of all books

Locks      statements of a merchant (by id) → slice of a budget, everywhere.
"""

from qixia.rewards.services.settling.agreeing import agree, agree_silent, remind_silent
from qixia.rewards.services.settling.correcting import correct
from qixia.rewards.services.settling.issuing import Issued, issue_due, issue_month
from qixia.rewards.services.settling.objecting import answer_dispute, dispute
from qixia.rewards.services.settling.paying import record_payment, reverse_payment

__all__ = [
    "Issued",
    "agree",
    "agree_silent",
    "answer_dispute",
    "correct",
    "dispute",
    "issue_due",
    "issue_month",
    "record_payment",
    "remind_silent",
    "reverse_payment",
]
