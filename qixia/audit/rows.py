"""Many rows of one table at once, in the caller's transaction.

How      PostgreSQL takes a list a column in one INSERT, and very many rows by COPY; other databases go through the model's
         `bulk_create`. All constraints and triggers hold either way.
Ids      come back in the order of the rows when asked for; who writes rows that name each other draws them before (`draw`).
Together what is written inside `together()` goes to PostgreSQL in one message at its end, in order: each statement is its
         own still, but locks are held for one journey instead of ten. So inside it nothing reads what was written there.
Errors   Django's (IntegrityError …), as from any other statement; inside `together()` they come at its end.
Twice    `insert_new` leaves out what is there already.
Not for  columns that the database fills.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import connection, models

# More rows than this go in by COPY, which has two journeys and the cheapest rows.
MANY = 500


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL, its parameters, and what is to be raised when it touches another number of rows than `rows`."""

    sql: str
    params: Sequence[Any] = ()
    rows: int | None = None
    otherwise: Callable[[int], Exception] | None = None


_waiting: ContextVar[list[Statement] | None] = ContextVar("qixia_rows_waiting", default=None)


@contextmanager
def together() -> Iterator[None]:
    """Inside the block writes wait for its end and then go in one message. A block inside another is part of it; when
    the block fails nothing is sent."""
    if connection.vendor != "postgresql" or _waiting.get() is not None:
        yield
        return
    waiting: list[Statement] = []
    token = _waiting.set(waiting)
    try:
        yield
    finally:
        _waiting.reset(token)
    _run(waiting)


def execute(statement: Statement) -> None:
    """One statement that changes rows, at once or at the end of `together()`."""
    waiting = _waiting.get()
    if waiting is None:
        _run([statement])
    else:
        waiting.append(statement)


def ask(statements: Sequence[Statement]) -> list[list[tuple[Any, ...]]]:
    """The rows of each statement, which are run in their order, each seeing what was committed before it began. One
    journey on PostgreSQL."""
    if connection.vendor != "postgresql":
        return [rows for one in statements for rows in _run([one], fetch=True)]
    return _run(statements, fetch=True)


def insert_many(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    ids: bool = False,
    drawn: Sequence[int] = (),
) -> list[int]:
    """Insert `rows`, whose values stand in the order of `columns` (names of attributes: "posting_id"). Returns their ids
    if `ids` says so, else nothing. `drawn`: ids that were drawn before."""
    if not rows:
        return []
    if connection.vendor != "postgresql":
        made = model._default_manager.bulk_create([model(**dict(zip(columns, row, strict=True))) for row in rows])
        return [one.pk for one in made] if ids else []
    if len(rows) > MANY:
        numbers = drawn or (draw(model, len(rows)) if ids else ())
        _copy(model, columns, rows, numbers)
        return list(numbers)
    if drawn:
        execute(_insert(model, ("id", *columns), [(pk, *row) for pk, row in zip(drawn, rows, strict=True)]))
        return list(drawn)
    if ids:
        made_ids = _run([_insert(model, columns, rows, "RETURNING id")], fetch=True)[0]
        return [row[0] for row in made_ids]
    execute(_insert(model, columns, rows))
    return []


def insert_new(model: type[models.Model], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """The same, leaving out rows whose unique columns are there already: one statement with a list a column."""
    if not rows:
        return
    if connection.vendor != "postgresql":
        made = [model(**dict(zip(columns, row, strict=True))) for row in rows]
        model._default_manager.bulk_create(made, ignore_conflicts=True)
        return
    execute(_insert(model, columns, rows, "ON CONFLICT DO NOTHING"))


def drawing(model: type[models.Model], count: int) -> Statement:
    """Asks for `count` new ids of a table on PostgreSQL, one a row, rising."""
    pk = model._meta.pk
    table = connection.ops.quote_name(model._meta.db_table)
    sql = "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)"
    return Statement(sql, [table, pk.column if pk else "id", count])


def draw(model: type[models.Model], count: int) -> list[int]:
    [rows] = _run([drawing(model, count)], fetch=True)
    return sorted(row[0] for row in rows)


def _run(statements: Sequence[Statement], *, fetch: bool = False) -> list[list[tuple[Any, ...]]]:
    """All in one message; the rows of each if asked for."""
    if not statements:
        return []
    found = []
    with connection.cursor() as cursor:
        cursor.execute(";\n".join(one.sql for one in statements), [value for one in statements for value in one.params])
        for number, one in enumerate(statements):
            if number:
                cursor.nextset()
            if one.otherwise is not None and cursor.rowcount != one.rows:
                raise one.otherwise(cursor.rowcount)
            if fetch:
                found.append(cursor.fetchall())
    return found


def _insert(
    model: type[models.Model], columns: Sequence[str], rows: Sequence[Sequence[Any]], tail: str = ""
) -> Statement:
    """One INSERT with a list for each column whose values differ, and the one value of the others."""
    table, known = _shape(model, tuple(columns))
    said, lists, single, several = [], [], [], []
    for number, ((_column, kind, turn), values) in enumerate(zip(known, zip(*rows, strict=True), strict=True)):
        if turn is not None:
            values = tuple(None if value is None else turn(value) for value in values)
        if values.count(values[0]) == len(values):
            said.append(f"%s::{kind}")
            single.append(values[0])
        else:
            said.append(f"v.c{number}")
            lists.append((f"c{number}", f"%s::{kind}[]"))
            several.append(_list(values))
    names = ", ".join(column for column, _kind, _turn in known)
    sql = f"INSERT INTO {table} ({names}) SELECT {', '.join(said)}"
    if lists:
        sql += f" FROM unnest({', '.join(one for _c, one in lists)}) AS v({', '.join(c for c, _one in lists)})"
    elif len(rows) > 1:
        sql += f" FROM generate_series(1, {len(rows)})"
    return Statement(f"{sql} {tail}".rstrip(), [*single, *several])


@lru_cache(maxsize=256)
def _shape(
    model: type[models.Model], columns: tuple[str, ...]
) -> tuple[str, list[tuple[str, str, Callable[[Any], str] | None]]]:
    """The table's name, and of each column its name, its type and what makes its values plain."""
    quote = connection.ops.quote_name
    fields: list[Any] = [model._meta.get_field(name) for name in columns]
    return quote(model._meta.db_table), [(quote(one.column), _kind(one), _plain(one)) for one in fields]


def _kind(field: Any) -> str:
    """The type that a value is given on its way. Text without its length: a cast to it would cut what is too long, where
    the column refuses it."""
    kind: str = field.db_type(connection)
    return "text" if kind.startswith(("varchar", "char")) else kind


def _list(values: Sequence[Any]) -> str:
    """PostgreSQL's text of a list."""
    kinds = set(map(type, values))
    if kinds == {int}:
        return "{" + ",".join(map(str, values)) + "}"
    if kinds == {str}:
        return '{"' + '","'.join([one.replace("\\", "\\\\").replace('"', '\\"') for one in values]) + '"}'
    return "{" + ",".join(map(_item, values)) + "}"


def _item(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return f'"\\\\x{value.hex()}"'
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _copy(
    model: type[models.Model], columns: Sequence[str], rows: Sequence[Sequence[Any]], numbers: Sequence[int]
) -> None:
    if (waiting := _waiting.get()) is not None:  # what came before goes first
        _run(waiting)
        waiting.clear()
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
    """What makes a column's value plain text; None: it is."""
    if isinstance(field, models.JSONField) and field.encoder is None:
        return json.dumps
    if isinstance(field, models.JSONField):
        return lambda value: json.dumps(value, cls=field.encoder)
    return None
