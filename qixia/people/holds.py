"""What keeps a person's data from being deleted yet: open reports, vouchers not yet used. Higher packages say so.

A hold is asked twice: when somebody asks to be deleted, and again when it is carried out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qixia.people.access import Actor


@dataclass(frozen=True, slots=True)
class Hold:
    """One reason why not yet. `reason` is a msgid with `%(count)s`; `until` says what ends it."""

    name: str
    count: int
    reason: str
    until: str


Check = Callable[[Actor], Hold | None]
_checks: dict[str, Check] = {}


def register(name: str, check: Check) -> None:
    """Add a check; the same name again replaces it (Django may call ready twice in tests)."""
    _checks[name] = check


def holds_on(actor: Actor) -> list[Hold]:
    return [hold for check in _checks.values() if (hold := check(actor))]
