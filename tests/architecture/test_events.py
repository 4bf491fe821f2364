"""Events: said by somebody who declared it, heard only if somebody says it.

`make check` compares docs/events.md and docs/openapi.json in a process of its own, without what tests register.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from qixia.jobs import registry
from qixia.policy import kinds
from tests.architecture.layers import HEIGHT, ROOT, python_files


def subscriptions() -> dict[str, list[str]]:
    """Without the events of other tests in this process."""
    return {event: names for event, names in registry.subscriptions().items() if not event.startswith("test.")}


def literal_calls(path: Path, function: str) -> Iterator[str]:
    """First arguments, where they are literal texts, of calls such as `publish("…")` or `jobs.publish("…")`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called == function and isinstance(node.args[0].value, str):
                yield node.args[0].value


def test_what_is_published_was_declared() -> None:
    said = {
        name
        for path in python_files()
        if "qixia.jobs" in path.read_text()
        for name in literal_calls(path, "publish")
        if "." in name
    }
    rule_tables = {kind.name for kind in kinds.all_kinds()}  # policy publishes these under the same word
    assert said - registry.published() - rule_tables == set()


def test_nobody_listens_in_vain() -> None:
    assert set(subscriptions()) - registry.published() == set()


def test_listeners_stand_above_who_speaks() -> None:
    wrong = [
        f"{name} hears {event}"
        for event, names in subscriptions().items()
        for name in names
        if HEIGHT[name.rpartition(":")[2].split(".")[1]] < HEIGHT[event.split(".")[0]]
    ]
    assert wrong == []


def test_tasks_that_are_enqueued_exist() -> None:
    known = {task.name for task in registry.tasks()}
    asked = {
        (str(path.relative_to(ROOT)), name)
        for path in python_files()
        for function in ("enqueue", "enqueue_many")
        for name in literal_calls(path, function)
    }
    assert [f"{path}: {name}" for path, name in sorted(asked) if name not in known] == []
