"""Which rule is in force. Versions are read once and kept a few seconds, so asking costs no query in a busy process;
another process sees a new version after at most `KEEP_S` seconds, and `valid_from` lets a change start everywhere at
the same moment."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.kernel.errors import NotConfigured
from qixia.policy import kinds
from qixia.policy.models import Installation, RuleVersion

KEEP_S = 5.0


@dataclass(frozen=True, slots=True)
class Rules:
    """One version of one kind, its data validated and typed by the kind's model."""

    kind: str
    version: int
    valid_from: datetime
    data: Any


_kept: dict[str, tuple[float, list[Rules]]] = {}


def current(kind: str, at: datetime | None = None) -> Rules:
    """The version of `kind` in force at `at` (now by default). NotConfigured if there is none."""
    moment = at or clock.now()
    for rules in reversed(versions(kind)):
        if rules.valid_from <= moment:
            return rules
    raise NotConfigured(f"no version of the rules {kind} is in force")


def versions(kind: str) -> list[Rules]:
    """All versions of a kind, the oldest first."""
    known = _kept.get(kind)
    if known and time.monotonic() - known[0] < KEEP_S:
        return known[1]
    # What was parsed stays parsed: versions never change.
    old = {rules.version: rules for rules in known[1]} if known else {}
    rows = RuleVersion.objects.filter(kind=kind).order_by("valid_from", "version")
    found = [old.get(row.version) or _parsed(row) for row in rows]
    if found:
        _kept[kind] = (time.monotonic(), found)
    return found


@dataclass(frozen=True, slots=True)
class Published:
    """One version as history tells it: who published it when, and why. `data` is as it was written."""

    version: int
    valid_from: datetime
    data: Any
    note: str
    published_by: str


def history(kind: str, limit: int = 20) -> list[Published]:
    """The latest versions of a kind, the newest first."""
    rows = RuleVersion.objects.filter(kind=kind).order_by("-version")[:limit]
    return [Published(row.version, row.valid_from, row.data, row.note, row.published_by) for row in rows]


def _parsed(row: RuleVersion) -> Rules:
    return Rules(row.kind, row.version, row.valid_from, kinds.get(row.kind).parse(row.data))


def forget() -> None:
    """Read everything anew at the next question: after a publication, and between tests."""
    _kept.clear()


def installation() -> Installation | None:
    return Installation.objects.filter(pk=1).first()


def is_demo_database() -> bool:
    """Whether this database was stamped demo."""
    return Installation.objects.filter(pk=1, is_demo=True).exists()


def is_forbidden_demo() -> bool:
    """A demo database in production: its passwords are public, so nobody may serve it. Costs nothing in development."""
    return get_config().mode == "production" and is_demo_database()
