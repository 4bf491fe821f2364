"""Empty the tables after a test that committed: only those with rows, so that a hundred empty ones cost nothing.

What Django itself writes after its migrations (content types, permissions) stays as it is: it is the same again.
Append-only tables refuse DELETE, so their triggers step aside meanwhile; on PostgreSQL that takes a superuser.
"""

from __future__ import annotations

from django.db import connection, transaction

KEPT = {"django_migrations", "django_content_type", "auth_permission"}


def empty_tables() -> None:
    """Delete every row that a test may have committed."""
    tables = _with_rows()
    if not tables:
        return
    deletes = [f"DELETE FROM {connection.ops.quote_name(table)}" for table in tables]
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            triggers = _triggers_of(tables)
            before, after = [f"DROP TRIGGER {name}" for name, _sql in triggers], [sql for _name, sql in triggers]
        else:
            before, after = ["SET LOCAL session_replication_role = replica"], []
        for statement in [*before, *deletes, *after]:
            cursor.execute(statement)


def _with_rows() -> list[str]:
    tables = sorted(set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - KEPT)
    name = connection.ops.quote_name
    asked = [f"SELECT {number} WHERE EXISTS (SELECT 1 FROM {name(table)})" for number, table in enumerate(tables)]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(asked))
        return [tables[number] for (number,) in cursor.fetchall()]


def _triggers_of(tables: list[str]) -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'")
        return [(name, sql) for name, table, sql in cursor.fetchall() if table in tables]
