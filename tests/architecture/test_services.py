"""Every public service has an executable example and leaves an audit event, or says why not."""

import inspect
from importlib import import_module

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


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("service", sorted(examples.EXAMPLES))
def test_the_example_runs_and_leaves_history(service: str) -> None:
    history = apps.get_model("audit", "AuditEvent").objects
    before = history.count()
    examples.EXAMPLES[service]()
    assert service in examples.EXEMPT or history.count() > before
