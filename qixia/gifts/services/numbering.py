"""Nine-digit numbers that nobody has yet, many at once."""

from __future__ import annotations

from collections.abc import Collection

from django.db import connection
from django.db.models import Q
from django.db.models.expressions import RawSQL

from qixia.gifts.models import Allotment
from qixia.kernel.ids import new_number


def fresh_numbers(count: int) -> list[str]:
    """Different from each other and from all that are out. Two writers may draw the same: the unique index decides, and the
    caller's transaction is run again."""
    found: set[str] = set()
    while len(found) < count:
        drawn = {new_number() for _ in range(count - len(found))} - found
        taken = Allotment.objects.filter(_is_in("number", drawn) | _is_in("deputy_number", drawn))
        for number, deputy in taken.values_list("number", "deputy_number"):
            drawn -= {number, deputy}
        found |= drawn
    return list(found)


def _is_in(column: str, numbers: Collection[str]) -> Q:
    """On PostgreSQL one list instead of thousands of values, each of which it would take apart."""
    if connection.vendor != "postgresql":
        return Q(**{f"{column}__in": numbers})
    return Q(**{f"{column}__in": RawSQL("SELECT UNNEST(%s::varchar[])", [list(numbers)])})
