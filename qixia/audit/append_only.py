"""A migration operation that makes a table append-only: the database itself refuses UPDATE and DELETE.

Used by the audit trail and by the ledger. Works on SQLite and PostgreSQL; `TRUNCATE` stays possible for tests and for
the owner of the database, who could drop the trigger anyway: the books find such edits by their sums and chains.
"""

from __future__ import annotations

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

_SQLITE = """
CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;
"""
_POSTGRES_FUNCTION = """
CREATE OR REPLACE FUNCTION qixia_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$;
"""
# With a time to keep: old rows may go, young ones stand. The row's own time decides, by the database's clock.
_SQLITE_YOUNG = """
CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table} WHEN OLD.at > datetime('now', '-{days} days')
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;
"""
_POSTGRES_YOUNG = """
CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table} FOR EACH ROW
WHEN (OLD.at > now() - interval '{days} days') EXECUTE FUNCTION qixia_append_only();
"""
_POSTGRES = """
CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION qixia_append_only();
"""
_VERBS = ("update", "delete")


class AppendOnly(Operation):
    """Put the triggers on `table`; reversible.

    `keep_days` lets rows be deleted once their column `at` is older than that, for logs that the law wants kept for a
    time and not for ever; they can never be changed.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(self, table: str, keep_days: int | None = None) -> None:
        self.table, self.keep_days = table, keep_days

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Triggers are not part of Django's picture of the models."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(_POSTGRES_FUNCTION, params=None)
        for verb in _VERBS:
            template = self._template(schema_editor.connection.vendor, verb)
            schema_editor.execute(template.format(table=self.table, verb=verb, days=self.keep_days))

    def _template(self, vendor: str, verb: str) -> str:
        if verb == "delete" and self.keep_days is not None:
            return _POSTGRES_YOUNG if vendor == "postgresql" else _SQLITE_YOUNG
        return _POSTGRES if vendor == "postgresql" else _SQLITE

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        on = f" ON {self.table}" if schema_editor.connection.vendor == "postgresql" else ""
        for verb in _VERBS:
            schema_editor.execute(f"DROP TRIGGER {self.table}_no_{verb}{on}")

    def describe(self) -> str:
        return f"Refuse UPDATE and DELETE on {self.table}"


class StaysAppendOnly(AppendOnly):
    """Put the triggers back on SQLite, where a change of the table's constraints loses them. PostgreSQL keeps its own.

    Stands after such a change, and before it: there it acts on the way back.
    """

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        if schema_editor.connection.vendor != "sqlite":
            return
        for verb in _VERBS:
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {self.table}_no_{verb}")
        super().database_forwards(app_label, schema_editor, from_state, to_state)

    database_backwards = database_forwards
