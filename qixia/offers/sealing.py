"""Who holds an offer and whom it must not reach, without a name.

Holder   a keyed hash of the person's public id; it stands in the row only while the lease lasts.
Mark     a keyed hash of person and offer together: the marks of one person on two offers have nothing in common, so
         nobody without the key learns that two offers keep the same people away.
"""

from __future__ import annotations

from qixia.kernel.keys import keys

# How history names whoever takes an offer: never by a person.
TAKER = "taker"
_MARK_LENGTH = 22


def holder_index(person: str) -> str:
    """What the offer that the person with this public id holds is found by."""
    return keys().blind_index(person, purpose="offer-holder")


def mark(person: str, offer: str) -> str:
    """What says that this offer is not for this person."""
    return keys().blind_index(f"{offer}|{person}", purpose="offer-excluded")[:_MARK_LENGTH]
