"""What a migration may do while the release before it still serves: rules over Django's own operations.

Several web servers are upgraded one after the other, so for minutes old code runs on the new schema; and an upgrade that
holds a lock on a large table stops the city. Each rule has a name; `migrations_allowed.yaml` excuses a migration from a
rule, with the reason.

drop      a column or table goes or gets another name: the old code still asks for it. First release: stop using it; next: drop it
required  a column is not null and the database has no default: the old code's INSERT fails
rewrite   a column changes its type: the table is written anew under a lock
index     an index is built while writers wait; use qixia.audit.online_index.AddIndexOnline in a migration of its own
scan      a constraint reads a whole large table under a lock
python    RunPython or RunSQL has no way back, or a data migration imports code that will change
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from qixia.audit.online_index import AddIndexOnline

RULES = ("drop", "required", "rewrite", "index", "scan", "python")
ALLOWED = Path(__file__).with_name("migrations_allowed.yaml")
# Tables that stay small: a lock on them is over before anybody notices.
SMALL = ("codes_", "policy_", "places_", "people_organisation", "people_rolegrant", "jobs_schedule", "jobs_worker")
# Custom operations, written for migrations, may be imported besides the kernel.
STABLE = ("qixia.kernel", "qixia.audit.append_only", "qixia.audit.online_index")
_GONE = (
    migrations.RemoveField,
    migrations.RenameField,
    migrations.DeleteModel,
    migrations.RenameModel,
    migrations.AlterModelTable,
)


def ours() -> list[tuple[str, migrations.Migration, ProjectState]]:
    """(label, migration, state before it) of every migration of ours after each app's first one."""
    loader = MigrationLoader(None)
    found = []
    for key in sorted(loader.disk_migrations):
        migration = loader.disk_migrations[key]
        if type(migration).__module__.startswith("qixia.") and not migration.name.startswith("0001"):
            found.append((f"{key[0]}.{key[1]}", migration, loader.project_state(key, at_end=False)))
    return found


def allowed() -> dict[tuple[str, str], str]:
    """(migration, rule) → reason."""
    entries: list[dict[str, Any]] = yaml.safe_load(ALLOWED.read_text()) or []
    return {(entry["migration"], rule): entry["reason"] for entry in entries for rule in entry["rules"]}


def faults(migration: migrations.Migration, state: ProjectState) -> Iterator[tuple[str, str]]:
    """(rule, what is wrong) for each operation, with the state moving along."""
    new = {op.name_lower for op in migration.operations if isinstance(op, migrations.CreateModel)}
    state = state.clone()
    for operation in migration.operations:
        yield from _faults(operation, migration.app_label, state, new)
        operation.state_forwards(migration.app_label, state)
    yield from _imports(migration)


def _faults(op: Operation, app: str, state: ProjectState, new: set[str]) -> Iterator[tuple[str, str]]:
    model = getattr(op, "model_name_lower", getattr(op, "name_lower", ""))
    if isinstance(op, _GONE):
        yield "drop", op.describe()
    elif isinstance(op, migrations.RunPython | migrations.RunSQL):
        if not op.reversible:
            yield "python", f"{op.describe()}: no way back"
    elif model not in new:
        yield from _on_old_table(op, app, model, state)


def _on_old_table(op: Operation, app: str, model: str, state: ProjectState) -> Iterator[tuple[str, str]]:
    is_big = not f"{app}_{model}".startswith(SMALL)
    if isinstance(op, migrations.AddField):
        yield from _required(op.field, op)
        if is_big and _has_index(op.field):
            yield "index", op.describe()
    elif isinstance(op, migrations.AlterField):
        before = state.models[app, model].fields[op.name]
        yield from _altered(before, op, is_big)
    elif isinstance(op, migrations.AddIndex) and not isinstance(op, AddIndexOnline) and is_big:
        yield "index", op.describe()
    elif isinstance(op, migrations.AddConstraint) and is_big:
        yield "scan", op.describe()
    elif isinstance(op, migrations.AlterUniqueTogether) and is_big:
        yield "index", op.describe()


def _required(field: models.Field[Any, Any], op: Operation) -> Iterator[tuple[str, str]]:
    """Django's `default` is given by the new code only; the database forgets it once the column is filled."""
    if not (field.null or field.many_to_many or field.has_db_default()):
        yield "required", f"{op.describe()}: neither null nor db_default"


def _altered(before: models.Field[Any, Any], op: migrations.AlterField, is_big: bool) -> Iterator[tuple[str, str]]:
    after = op.field
    if before.null and not after.null:
        yield "required", f"{op.describe()}: null before, not null now"
    if is_big and _type(before) != _type(after) and not _only_longer(before, after):
        yield "rewrite", f"{op.describe()}: {_type(before)} → {_type(after)}"
    if is_big and _has_index(after) and not _has_index(before):
        yield "index", op.describe()


def _type(field: models.Field[Any, Any]) -> str:
    if isinstance(field, models.ForeignKey):
        return "foreign key"  # its type is its target's
    return f"{field.get_internal_type()} {field.max_length or ''} {field.db_type(connection) is None}"


def _only_longer(before: models.Field[Any, Any], after: models.Field[Any, Any]) -> bool:
    """A varchar that grows, or becomes text, keeps its rows as they are."""
    if not isinstance(before, models.CharField):
        return False
    if isinstance(after, models.TextField):
        return True
    return isinstance(after, models.CharField) and (after.max_length or 0) >= (before.max_length or 0)


def _has_index(field: models.Field[Any, Any]) -> bool:
    return bool(field.db_index or field.unique)


def _imports(migration: migrations.Migration) -> Iterator[tuple[str, str]]:
    """What the file of a migration with data steps imports of us."""
    if not any(isinstance(op, migrations.RunPython) for op in migration.operations):
        return
    for node in ast.walk(ast.parse(inspect.getsource(inspect.getmodule(type(migration))))):  # type: ignore[arg-type]
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            if name.startswith("qixia") and not name.startswith(STABLE):
                yield "python", f"imports {name}, which will change"
