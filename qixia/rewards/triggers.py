"""Migration operations of the ledger's tables that Django has no words for.

On SQLite a single writer goes through the service, which checks the same, and `qixia rewards audit` finds the rest.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

# One look at the rows of the inserting statement, without touching the big table: if what each statement adds to a
# posting sums to zero, the posting does. A deferred row trigger would cost a query for every row at commit.
_BALANCED = """
CREATE FUNCTION rewards_entries_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE wrong bigint;
BEGIN
  SELECT added.posting_id INTO wrong FROM added JOIN rewards_account a ON a.id = added.account_id
  GROUP BY added.posting_id, a.unit HAVING SUM(added.amount) <> 0 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entries of posting % do not sum to zero', wrong USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER rewards_entry_balanced AFTER INSERT ON rewards_entry REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION rewards_entries_balance();
"""
_UNBALANCED = """
DROP TRIGGER rewards_entry_balanced ON rewards_entry;
DROP FUNCTION rewards_entries_balance();
"""


class _OnOne(Operation):
    reduces_to_sql = True
    reversible = True
    vendor = "postgresql"
    forwards = ""
    backwards = ""

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Not part of Django's picture of the models."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        if schema_editor.connection.vendor == self.vendor:
            schema_editor.execute(self.forwards, params=None)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        if schema_editor.connection.vendor == self.vendor:
            schema_editor.execute(self.backwards, params=None)

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return type(self).__name__, [], {}


class EntriesBalance(_OnOne):
    """Each INSERT into the entries must sum to zero, posting by posting and unit by unit."""

    forwards = _BALANCED
    backwards = _UNBALANCED


class RoomInAccounts(_OnOne):
    """Balances change often and are in no index: free room in each page keeps those updates inside it (HOT)."""

    forwards = "ALTER TABLE rewards_account SET (fillfactor = 70)"
    backwards = "ALTER TABLE rewards_account RESET (fillfactor)"


class PostingsStay(Operation):
    """Put back what refuses changes of postings on SQLite, where a change of the table's constraints loses it.

    Stands after such a change, and before it: there it acts on the way back. PostgreSQL keeps its triggers.
    """

    reduces_to_sql = True
    reversible = True
    _columns = (
        "id, key, content_hash, kind, rule, rule_version, act, source, beneficiary, points, nominal, available_after,"
        " reverses_id, actor, at, day, created_at, request_id, quality, campaign, bonus, unit, promised, pays_id"
    )

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Not part of Django's picture of the models."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        if schema_editor.connection.vendor != "sqlite":
            return
        for name, event in (("update", f"UPDATE OF {self._columns}"), ("delete", "DELETE")):
            schema_editor.execute(f"DROP TRIGGER IF EXISTS rewards_posting_no_{name}", params=None)
            schema_editor.execute(
                f"CREATE TRIGGER rewards_posting_no_{name} BEFORE {event} ON rewards_posting "
                "BEGIN SELECT RAISE(ABORT, 'rewards_posting is append-only'); END",
                params=None,
            )

    database_backwards = database_forwards


class SignedPostingsStay(PostingsStay):
    """The same with the keyed hash, on both databases. Stands after the column; on the way back the trigger lets go of it."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        self._refuse(schema_editor, f"{self._columns}, mac")

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        self._refuse(schema_editor, self._columns)

    def _refuse(self, schema_editor: BaseDatabaseSchemaEditor, columns: str) -> None:
        on, does = "", "BEGIN SELECT RAISE(ABORT, 'rewards_posting is append-only'); END"
        if schema_editor.connection.vendor == "postgresql":
            on, does = " ON rewards_posting", "FOR EACH STATEMENT EXECUTE FUNCTION qixia_append_only()"
        schema_editor.execute(f"DROP TRIGGER IF EXISTS rewards_posting_no_update{on}", params=None)
        schema_editor.execute(
            f"CREATE TRIGGER rewards_posting_no_update BEFORE UPDATE OF {columns} ON rewards_posting {does}",
            params=None,
        )


_SEALED_BALANCE = """
CREATE TRIGGER rewards_link_balanced BEFORE INSERT ON rewards_link WHEN EXISTS (
  SELECT 1 FROM rewards_entry e JOIN rewards_account a ON a.id = e.account_id
  WHERE e.posting_id = NEW.posting_id GROUP BY a.unit HAVING SUM(e.amount) <> 0
) BEGIN SELECT RAISE(ABORT, 'entries of a posting do not sum to zero'); END
"""


class SealedBalance(_OnOne):
    """SQLite: a posting whose entries do not sum to zero is never sealed. PostgreSQL refuses its entries (`EntriesBalance`)."""

    vendor = "sqlite"
    forwards = _SEALED_BALANCE
    backwards = "DROP TRIGGER rewards_link_balanced"
