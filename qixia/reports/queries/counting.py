"""How long several lists are, up to a bound, in one statement. What is more than the bound is shown as "1000+".

Cost     no count reads more than MOST + 1 rows that it counts, however long the list: a number of five digits helps nobody
         to choose, and counting it on every page costs more than the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from qixia.ui.numbers import MOST


def counted(lists: Mapping[str, QuerySet[Any]]) -> dict[str, int]:
    """Name → rows, at most MOST + 1. One statement, none for no lists."""
    parts: list[tuple[str, str]] = []
    params: list[Any] = []
    found = dict.fromkeys(lists, 0)
    for number, (name, rows) in enumerate(lists.items()):
        try:
            sql, given = rows.order_by().values("pk")[: MOST + 1].query.sql_with_params()
        except EmptyResultSet:  # a list that can hold nothing
            continue
        parts.append((name, f"(SELECT COUNT(*) FROM ({sql}) AS list_{number})"))
        params += given
    if parts:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(sql for _name, sql in parts)}", params)
            found |= dict(zip((name for name, _sql in parts), cursor.fetchone(), strict=True))
    return found
