"""Many rows of one table at once, in the caller's transaction.

How      PostgreSQL takes more than a few rows by COPY, which costs it and Python a third of a long INSERT; fewer rows, and
         other databases, go through the model's `bulk_create`. All constraints and triggers hold either way.
Ids      come back in the order of the rows when asked for: taken from the table's own sequence before.
Errors   Django's (IntegrityError …), as from any other statement.
Twice    `insert_new` leaves out what is there already.
Not for  columns that the database fills.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection, models

FEW = 10


def insert_many(
    model: type[models.Model], columns: Sequence[str], rows: Sequence[Sequence[Any]], *, ids: bool = False
) -> list[int]:
    """Insert `rows`, whose values stand in the order of `columns` (names of attributes: "posting_id"). Returns their ids
    if `ids` says so, else nothing."""
    if not rows:
        return []
    if connection.vendor != "postgresql" or len(rows) < FEW:
        made = model._default_manager.bulk_create([model(**dict(zip(columns, row, strict=True))) for row in rows])
        return [one.pk for one in made] if ids else []
    numbers = _next_ids(model, len(rows)) if ids else []
    _copy(model, columns, rows, numbers)
    return numbers


def insert_new(model: type[models.Model], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """The same, leaving out rows whose unique columns are there already: one statement with a list a column."""
    if not rows:
        return
    if connection.vendor != "postgresql" or len(rows) < FEW:
        made = [model(**dict(zip(columns, row, strict=True))) for row in rows]
        model._default_manager.bulk_create(made, ignore_conflicts=True)
        return
    fields: list[Any] = [model._meta.get_field(name) for name in columns]
    quote = connection.ops.quote_name
    names = ", ".join(quote(field.column) for field in fields)
    lists = ", ".join(f"%s::{field.db_type(connection)}[]" for field in fields)
    sql = f"INSERT INTO {quote(model._meta.db_table)} ({names}) SELECT * FROM UNNEST({lists}) ON CONFLICT DO NOTHING"
    with connection.cursor() as cursor:
        cursor.execute(sql, [list(values) for values in zip(*rows, strict=True)])


def _next_ids(model: type[models.Model], count: int) -> list[int]:
    pk = model._meta.pk
    sql = "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)"
    with connection.cursor() as cursor:
        cursor.execute(sql, [connection.ops.quote_name(model._meta.db_table), pk.column if pk else "id", count])
        return sorted(row[0] for row in cursor.fetchall())


def _copy(
    model: type[models.Model], columns: Sequence[str], rows: Sequence[Sequence[Any]], numbers: Sequence[int]
) -> None:
    fields: list[Any] = [model._meta.get_field(name) for name in columns]
    quote = connection.ops.quote_name
    names = [*(["id"] if numbers else []), *(field.column for field in fields)]
    plain = [(n, turn) for n, field in enumerate(fields) if (turn := _plain(field)) is not None]
    sql = f"COPY {quote(model._meta.db_table)} ({', '.join(quote(name) for name in names)}) FROM STDIN"
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(sql) as target:
        for place, row in enumerate(rows):
            values = list(row)
            for n, turn in plain:
                values[n] = None if values[n] is None else turn(values[n])
            target.write_row([numbers[place], *values] if numbers else values)


def _plain(field: Any) -> Callable[[Any], str] | None:
    """What makes a column's value plain for COPY; None: it is."""
    if isinstance(field, models.JSONField):
        return lambda value: json.dumps(value, cls=field.encoder)
    return None
