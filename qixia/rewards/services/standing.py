"""Whether what an entry gave still stands, and what an appeal against it may give at most.

A loss has two ways back: the decision that took the points falls (restoring.py), or the rider appeals against the entry
(appealing.py). Whoever comes second finds here what the first gave, under the purse's lock.
"""

from __future__ import annotations

from collections.abc import Iterable

from qixia.rewards import rules, sealing, states
from qixia.rewards.models import PointsAppeal, Posting

REVERSED = "rewards.reversed"


def restored_key(taken: Posting) -> str:
    """The key of the posting that gives back what `taken` took."""
    return sealing.stored_key(f"restore|{taken.key}")


def stands(posting: Posting) -> bool:
    """Whether the rider has what this posting gave or promised: not still promised, not ended, not taken back."""
    if posting.promised:
        end = Posting.objects.filter(pays=posting).first()
        if end is not None and end.kind != rules.VOID:
            return stands(end)
    else:
        end = Posting.objects.filter(reverses=posting).first()
        if end is None:
            return True
    again = Posting.objects.filter(key=restored_key(end)).first() if end is not None else None
    return again is not None and stands(again)


def most_for(posting: Posting, most: int) -> int:
    """What an appeal against this posting may give, up to `most`: of what was taken, as much as nobody gave back yet; of
    an award anything, unless it waits or was taken back."""
    if posting.kind == rules.AWARD:
        return most if stands(posting) else 0
    was_restored = Posting.objects.filter(key=restored_key(posting)).exists()
    return 0 if was_restored else min(-posting.nominal, most)


def granted(taken: Iterable[Posting]) -> dict[int, int]:
    """Posting → points that an appeal against it gave. One statement."""
    found = PointsAppeal.objects.filter(posting__in=taken, state=states.GRANTED)
    return dict(found.values_list("posting_id", "paid__nominal"))


def bonus_of(posting: Posting) -> tuple[str, int]:
    """The campaign of an award, and what of its bonus stands: what keeps a promise names the part that was not given."""
    campaign, bonus = "", 0
    one: Posting | None = posting
    while one is not None:
        campaign, bonus, one = one.campaign or campaign, bonus + (one.bonus or 0), one.pays
    return campaign, bonus
