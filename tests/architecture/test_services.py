"""Every public service has an executable example and leaves an audit event, or says why not."""

import inspect
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps

from tests import examples
from tests.architecture.layers import PACKAGE, existing

examples.load()


def public_services() -> set[str]:
    """`<package>.services.<function>` of every function that a package's `services` offers.

    In a module that is each function of its own without a leading underscore; in a folder, what its `__init__` names.
    """
    found = set()
    for package in existing():
        if (PACKAGE / package / "services.py").exists() or (PACKAGE / package / "services" / "__init__.py").exists():
            name = f"qixia.{package}.services"
            for function_name, function in inspect.getmembers(import_module(name), inspect.isfunction):
                if function.__module__.startswith(name) and not function_name.startswith("_"):
                    found.add(f"{package}.services.{function_name}")
    return found


def test_every_public_service_has_an_example() -> None:
    assert public_services() - set(examples.EXAMPLES) - set(examples.EXEMPT) == set()


def test_no_example_without_a_service() -> None:
    assert (set(examples.EXAMPLES) | set(examples.EXEMPT)) - public_services() == set()


@pytest.mark.django_db
@pytest.mark.parametrize("service", sorted(examples.EXAMPLES))
def test_the_example_calls_the_service_and_that_leaves_history(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    events_per_call = watch(service, monkeypatch)
    examples.EXAMPLES[service]()
    assert events_per_call, f"the example must call it as `services.{service.rpartition('.')[2]}(…)`"
    assert max(events_per_call) > 0


def watch(service: str, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note how many audit events each call of the service leaves, from now on."""
    history = apps.get_model("audit", "AuditEvent").objects
    module_name, _, name = f"qixia.{service}".rpartition(".")
    module, noted = import_module(module_name), []
    real = getattr(module, name)

    def noting(*args: Any, **kwargs: Any) -> Any:
        before = history.count()
        result = real(*args, **kwargs)
        noted.append(history.count() - before)
        return result

    monkeypatch.setattr(module, name, noting)
    return noted
