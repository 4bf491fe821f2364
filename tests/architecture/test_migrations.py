"""Every migration keeps to the rules of `migrations.py`, and every rule catches what it is for."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, migrations, models
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState

from qixia.audit.online_index import AddIndexOnline
from tests.architecture import migrations as lint

OURS = lint.ours()


def test_there_are_migrations_to_walk() -> None:
    assert len(OURS) > 5


@pytest.mark.parametrize(("label", "migration", "before"), OURS, ids=[label for label, _, _ in OURS])
def test_a_migration_lets_the_release_before_it_go_on(
    label: str, migration: migrations.Migration, before: ProjectState
) -> None:
    excused = lint.allowed()
    wrong = [f"{rule}: {text}" for rule, text in lint.faults(migration, before) if (label, rule) not in excused]
    assert wrong == []


def test_the_list_of_exceptions_holds_nothing_that_is_not_needed() -> None:
    needed = {(label, rule) for label, migration, before in OURS for rule, _text in lint.faults(migration, before)}
    assert sorted(set(lint.allowed()) - needed) == []
    assert {rule for _label, rule in lint.allowed()} <= set(lint.RULES)
    assert [key for key, reason in lint.allowed().items() if len(reason) < 20] == []


def table(app: str = "reports", name: str = "report") -> ProjectState:
    """A state with one old table."""
    state = ProjectState()
    fields: list[tuple[str, Any]] = [
        ("id", models.BigAutoField(primary_key=True)),
        ("number", models.CharField(max_length=9)),
        ("note", models.CharField(max_length=9, null=True)),
    ]
    state.add_model(ModelState(app, name, fields))
    return state


def of(*operations: Operation, app: str = "reports") -> migrations.Migration:
    made = type("Migration", (migrations.Migration,), {"operations": list(operations), "__module__": __name__})
    return made("0099_example", app)


def caught(*operations: Operation, app: str = "reports", name: str = "report") -> list[str]:
    return sorted({rule for rule, _text in lint.faults(of(*operations, app=app), table(app, name))})


def noop(*_: object) -> None:
    """A data step."""


INDEX = models.Index(fields=["number"], name="x")
CHECK = models.CheckConstraint(condition=models.Q(number="1"), name="y")
BAD = {
    "drop a column": ("drop", migrations.RemoveField("report", "number")),
    "rename a column": ("drop", migrations.RenameField("report", "number", "digits")),
    "drop a table": ("drop", migrations.DeleteModel("report")),
    "rename a table": ("drop", migrations.RenameModel("report", "case")),
    "another name for the table": ("drop", migrations.AlterModelTable("report", "cases")),
    "a column that only the new code fills": (
        "required",
        migrations.AddField("report", "new", models.CharField(max_length=9, default="")),
    ),
    "null no more": ("required", migrations.AlterField("report", "note", models.CharField(max_length=9))),
    "another type": ("rewrite", migrations.AlterField("report", "number", models.IntegerField())),
    "a shorter text": ("rewrite", migrations.AlterField("report", "number", models.CharField(max_length=3))),
    "an index": ("index", migrations.AddIndex("report", INDEX)),
    "a new column with an index": (
        "index",
        migrations.AddField("report", "new", models.CharField(max_length=9, null=True, db_index=True)),
    ),
    "a foreign key": (
        "index",
        migrations.AddField("report", "up", models.ForeignKey("reports.report", models.CASCADE, null=True)),
    ),
    "an index on an old column": (
        "index",
        migrations.AlterField("report", "number", models.CharField(max_length=9, unique=True)),
    ),
    "a constraint": ("scan", migrations.AddConstraint("report", CHECK)),
    "a data step without a way back": ("python", migrations.RunPython(noop)),
    "SQL without a way back": ("python", migrations.RunSQL("SELECT 1")),
}


@pytest.mark.parametrize(("rule", "operation"), BAD.values(), ids=BAD)
def test_the_lint_catches(rule: str, operation: Operation) -> None:
    assert caught(operation) == [rule]


def test_every_rule_has_a_bad_example() -> None:
    assert {rule for rule, _operation in BAD.values()} == set(lint.RULES)


GOOD = {
    "a column that may be null": migrations.AddField("report", "new", models.CharField(max_length=9, null=True)),
    "a column that the database fills": migrations.AddField(
        "report", "new", models.CharField(max_length=9, default="", db_default="")
    ),
    "a longer text": migrations.AlterField("report", "number", models.CharField(max_length=90)),
    "text without a limit": migrations.AlterField("report", "number", models.TextField()),
    "other words for people": migrations.AlterField(
        "report", "number", models.CharField("编号", max_length=9, help_text="…")
    ),
    "a new table": migrations.CreateModel("thing", [("id", models.BigAutoField(primary_key=True))]),
    "an index while others write": AddIndexOnline("report", INDEX),
    "a data step with a way back": migrations.RunPython(noop, migrations.RunPython.noop),
    "a constraint less": migrations.RemoveIndex("report", "gone"),
}


@pytest.mark.parametrize("operation", GOOD.values(), ids=GOOD)
def test_the_lint_lets_pass(operation: Operation) -> None:
    found = of(operation)
    state = table()
    if isinstance(operation, migrations.RemoveIndex):
        state.add_index("reports", "report", models.Index(fields=["number"], name="gone"))
    assert list(lint.faults(found, state)) == []


def test_what_is_new_in_the_same_migration_may_have_all() -> None:
    new = migrations.CreateModel("thing", [("id", models.BigAutoField(primary_key=True)), ("a", models.IntegerField())])
    index = migrations.AddIndex("thing", models.Index(fields=["a"], name="z"))
    assert caught(new, index) == []


def test_small_tables_may_be_locked_for_a_moment() -> None:
    assert caught(migrations.AddIndex("version", INDEX), app="policy", name="version") == []


def test_a_data_step_that_imports_the_app_is_caught(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    source = (
        "from django.db import migrations\nfrom qixia.kernel.keys import keys\nfrom qixia.kernel import clock\n"
        "from qixia.reports.rules import anything\nimport qixia.people.models\n"
    )
    monkeypatch.setattr(lint.inspect, "getsource", lambda _module: source)
    made = of(migrations.RunPython(noop, migrations.RunPython.noop))
    assert [text for rule, text in lint.faults(made, table()) if rule == "python"] == [
        "imports qixia.reports.rules, which will change",
        "imports qixia.people.models, which will change",
    ]


@pytest.mark.django_db(transaction=True)
def test_an_index_is_built_while_others_write() -> None:
    """On PostgreSQL outside of a transaction, again after an interruption, and away again; on SQLite as any index."""
    before = ProjectState()
    before.add_model(
        ModelState(
            "paper",
            "paper",
            [("id", models.BigAutoField(primary_key=True)), ("number", models.CharField(max_length=9))],
        )
    )
    operation = AddIndexOnline("paper", models.Index(fields=["number"], name="paper_number"))
    after = before.clone()
    operation.state_forwards("paper", after)
    model = before.apps.get_model("paper", "paper")
    with connection.schema_editor() as editor:
        editor.create_model(model)
    try:
        for _again in range(2 if connection.vendor == "postgresql" else 1):
            with connection.schema_editor(atomic=False) as editor:
                operation.database_forwards("paper", editor, before, after)
            assert "paper_number" in indexes()
        with connection.schema_editor(atomic=False) as editor:
            operation.database_backwards("paper", editor, after, before)
        assert "paper_number" not in indexes()
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(model)


def indexes() -> set[str]:
    with connection.cursor() as cursor:
        return set(connection.introspection.get_constraints(cursor, "paper_paper"))
