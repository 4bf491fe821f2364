"""Who holds an offer and whom it must not reach, without a name.

Holder   a keyed hash of the person's public id; it stands in the row only while the lease lasts.
Mark     a keyed hash of person and offer together: the marks of one person on two offers have nothing in common, so
         nobody without the key learns that two offers keep the same people away.
Chance   which share of everybody an offer leaves out is drawn with a key, for each offer anew and for one person always
         alike: who is kept away by a mark can't tell it from the draw.
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


def is_left_out(person: str, subject: str, share: float) -> bool:
    """Whether this person is of the share that offers about `subject` leave out. Drawn once a subject: whoever missed
    several offers about one thing by chance would else be rare, and whoever is kept away would stand out."""
    drawn = keys().blind_index(f"{subject}|{person}", purpose="offer-left-out")
    return int(drawn[:8], 16) < share * 16**8
