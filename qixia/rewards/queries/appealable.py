"""Whether an entry can be appealed against: once a matter, and not what an appeal itself gave.

A matter is an award and all that ended, paid or took it: the rider who says that the award is too small has been heard
when it is taken back later; against the decision that took it there is the appeal against that decision.
"""

from __future__ import annotations

from django.db.models import Q

from qixia.rewards import offline, rules
from qixia.rewards.models import PointsAppeal, Posting

KINDS = (rules.AWARD, rules.REVERSAL, rules.VOID)


def is_appealable(posting: Posting) -> bool:
    """Not what was exchanged, what still waits, what a decision gave back, or a matter that was appealed before; but what
    was taken for a voucher that was used offline. Few statements: a matter has few postings."""
    if (posting.kind not in KINDS and posting.rule != offline.RULE) or (
        posting.promised and not Posting.objects.filter(pays=posting).exists()
    ):
        return False
    root = root_of(posting)
    return root.act not in rules.DECIDED and not PointsAppeal.objects.filter(posting__in=_matter(root)).exists()


def root_of(posting: Posting) -> Posting:
    """The award that a posting takes back, pays or ends."""
    while before := posting.reverses or posting.pays:
        posting = before
    return posting


def _matter(root: Posting) -> set[int]:
    found, newest = {root.pk}, {root.pk}
    while newest:
        after = Posting.objects.filter(Q(reverses__in=newest) | Q(pays__in=newest))
        newest = set(after.values_list("pk", flat=True)) - found
        found |= newest
    return found
