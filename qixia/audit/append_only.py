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
_POSTGRES = """
CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION qixia_append_only();
"""
_VERBS = ("update", "delete")


class AppendOnly(Operation):
    """Put the triggers on `table`; reversible."""

    reduces_to_sql = True
    reversible = True

    def __init__(self, table: str) -> None:
        self.table = table

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Triggers are not part of Django's picture of the models."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(_POSTGRES_FUNCTION, params=None)
            template = _POSTGRES
        else:
            template = _SQLITE
        for verb in _VERBS:
            schema_editor.execute(template.format(table=self.table, verb=verb))

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        on = f" ON {self.table}" if schema_editor.connection.vendor == "postgresql" else ""
        for verb in _VERBS:
            schema_editor.execute(f"DROP TRIGGER {self.table}_no_{verb}{on}")

    def describe(self) -> str:
        return f"Refuse UPDATE and DELETE on {self.table}"
