"""A test that runs on one database only must not use it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from qixia.lab.pytest_plugin import pytest_collection_modifyitems


def item(*marks: str, fixtures: tuple[str, ...] = ()) -> Any:
    return SimpleNamespace(nodeid="a", fixturenames=fixtures, get_closest_marker=lambda name: name in marks or None)


@pytest.mark.parametrize(
    "wrong", [item("once", "django_db"), item("once", fixtures=("db",)), item("once", fixtures=("transactional_db",))]
)
def test_once_and_the_database_do_not_go_together(wrong):
    with pytest.raises(pytest.UsageError, match="a"):
        pytest_collection_modifyitems([item("once"), wrong])


def test_all_else_runs():
    pytest_collection_modifyitems([item("once"), item("django_db"), item(fixtures=("db",)), item()])
