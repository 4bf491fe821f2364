"""Terms that hold now: the policies "rewards.books" and "rewards.booking", or what ships where none was published yet."""

from __future__ import annotations

from datetime import datetime

from qixia.kernel.errors import NotConfigured
from qixia.policy import queries as policy
from qixia.rewards.booking import BookingPolicy
from qixia.rewards.terms import BooksPolicy

KIND = "rewards.books"
BOOKING = "rewards.booking"
_SHIPPED = BooksPolicy()


def books_terms() -> BooksPolicy:
    """No query in a busy process."""
    try:
        found: BooksPolicy = policy.current(KIND).data
    except NotConfigured:
        return _SHIPPED
    return found


def booking_terms(at: datetime | None = None) -> BookingPolicy:
    """Now, or as they were at a moment: a voucher keeps those of the day on which it was made."""
    try:
        found: BookingPolicy = policy.current(BOOKING, at).data
    except NotConfigured:
        return BookingPolicy()
    return found
