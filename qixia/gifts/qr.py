"""The code that a rider shows for a kit: the one of vouchers (rewards/qr.py), new every few seconds, signed for another purpose.

Form     a till takes no gift's code and a counter no voucher's: each asks for the other's key. A picture that is older than
         the rule "rewards.codes" says is "over", so that a screenshot is worth nothing to whoever it is sent to.
         A typed text is the 9-digit number, the rider's own or the deputy's.
Errors   BadCode: "forged", "over" or "unknown" (digits that are no number).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from qixia.kernel import tokens
from qixia.rewards import qr as vouchers
from qixia.rewards.queries import code_terms

PURPOSE = "gift"
picture = vouchers.picture


class BadCode(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Code:
    """What was scanned (`gift`) or typed (`number`)."""

    gift: str = ""
    number: str = ""


def chain_of(gift: str, number: str, until: datetime) -> vouchers.Chain:
    """The codes of the next hours for a kit that waits."""
    facts = vouchers.Facts(gift, number, item=0, merchant=PURPOSE, expires_at=int(until.timestamp()))
    return vouchers.issue(facts, code_terms(), purpose=PURPOSE)


def read_code(text: str) -> Code:
    try:
        code = vouchers.read_code(text, public=tokens.public_key(PURPOSE))
    except vouchers.BadCode as error:
        raise BadCode(error.reason) from error
    if not code.is_signed:
        return Code(number=code.number)
    if not code.is_fresh:
        raise BadCode("over")
    return Code(gift=code.public_id)
