"""Nine-digit numbers that nobody has yet, many at once."""

from __future__ import annotations

from django.db.models import Q

from qixia.gifts.models import Allotment
from qixia.kernel.ids import new_number


def fresh_numbers(count: int) -> list[str]:
    """Different from each other and from all that are out. Two writers may draw the same: the unique index decides, and the
    caller's transaction is run again."""
    found: set[str] = set()
    while len(found) < count:
        drawn = {new_number() for _ in range(count - len(found))} - found
        taken = Allotment.objects.filter(Q(number__in=drawn) | Q(deputy_number__in=drawn))
        for number, deputy in taken.values_list("number", "deputy_number"):
            drawn -= {number, deputy}
        found |= drawn
    return list(found)
