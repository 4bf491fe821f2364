"""Executable examples: how each public service is called. Two readers: newcomers, and the test that runs them all.

An app keeps its examples in `qixia/<app>/tests/examples.py` (a folder by room where they are many); each is one function that makes what it needs through the
real services and calls the service as `services.name(…)`. The test sees to it that such a call left an audit
event. A service that leaves none on purpose is exempt, with the reason.

    @example("reports.services.accept")
    def accept_a_report() -> None: ...
"""

from collections.abc import Callable
from importlib import import_module

from tests.architecture.layers import PACKAGE

Example = Callable[[], None]
EXAMPLES: dict[str, Example] = {}
EXEMPT: dict[str, str] = {}


def example(service: str) -> Callable[[Example], Example]:
    """Register the example of `<package>.services.<function>`."""

    def keep(function: Example) -> Example:
        assert service not in EXAMPLES, f"two examples of {service}"
        EXAMPLES[service] = function
        return function

    return keep


def exempt(service: str, reason: str) -> None:
    """Say why a public service has no audit event of its own."""
    assert len(reason) > 10, "a reason, please"
    EXEMPT[service] = reason


def load() -> None:
    """Import every app's examples."""
    found = [*PACKAGE.glob("*/tests/examples.py"), *PACKAGE.glob("*/tests/examples/__init__.py")]
    for app in sorted(path.relative_to(PACKAGE).parts[0] for path in found):
        import_module(f"qixia.{app}.tests.examples")
