"""What asks for no database runs on one database only, and cannot use one."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest

from qixia.kernel.config import get_config
from qixia.lab.pytest_plugin import NO_DATABASE, pytest_collection_modifyitems, pytest_runtest_protocol


def item(*marks: str, fixtures: tuple[str, ...] = ()) -> Any:
    found = list(marks)
    return SimpleNamespace(
        nodeid="a",
        fixturenames=fixtures,
        found=found,
        add_marker=found.append,
        get_closest_marker=lambda name: name in found or None,
    )


@pytest.mark.parametrize(
    "wrong", [item("once", "django_db"), item("once", fixtures=("db",)), item("once", fixtures=("transactional_db",))]
)
def test_once_and_the_database_do_not_go_together(wrong):
    with pytest.raises(pytest.UsageError, match="a"):
        pytest_collection_modifyitems([item(), wrong])


def test_what_asks_for_no_database_runs_once_unless_it_says_otherwise():
    items = [item(), item("django_db"), item(fixtures=("db",)), item("both"), item(fixtures=("tmp_path",))]
    pytest_collection_modifyitems(items)
    assert [one.found for one in items] == [["once"], ["django_db"], [], ["both"], ["once"]]


def test_while_it_runs_no_database_is_named(monkeypatch):
    monkeypatch.setattr(get_config(), "database_url", "sqlite:////a")
    monkeypatch.setenv("QIXIA_DATABASE_URL", "sqlite:////a")
    for one, named in ((item("once"), NO_DATABASE), (item("both"), "sqlite:////a")):
        running = pytest_runtest_protocol(one)
        next(running)
        assert (get_config().database, os.environ["QIXIA_DATABASE_URL"]) == (named, named)
        with pytest.raises(StopIteration):
            running.send(True)
        assert (get_config().database, os.environ["QIXIA_DATABASE_URL"]) == ("sqlite:////a", "sqlite:////a")
