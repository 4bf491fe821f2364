"""Every public service has an executable example and leaves an audit event, or says why not."""

import inspect
import pkgutil
from importlib import import_module

import pytest
from django.apps import apps

from tests import examples
from tests.architecture.layers import PACKAGE, existing

examples.load()


def service_modules(package: str) -> list[str]:
    name = f"qixia.{package}.services"
    if (PACKAGE / package / "services.py").exists():
        return [name]
    if (PACKAGE / package / "services").is_dir():
        return [
            name,
            *(f"{name}.{found.name}" for found in pkgutil.iter_modules([str(PACKAGE / package / "services")])),
        ]
    return []


def public_services() -> set[str]:
    """`<package>.services.<function>` of every function without a leading underscore that its package defines."""
    found = set()
    for package in existing():
        for name in service_modules(package):
            for function_name, function in inspect.getmembers(import_module(name), inspect.isfunction):
                is_own = function.__module__.startswith(f"qixia.{package}.services")
                if is_own and not function_name.startswith("_"):
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
