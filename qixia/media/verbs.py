"""What `qixia media <verb>` can do. A package above may add a verb of its own when its app is ready.

    register("evaluate", add_arguments, run, "how good the detectors are, on drawn pictures")

`add_arguments` gets the verb's own argparse parser; `run` gets its options and a `say` for one line of output.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Verb:
    name: str
    arguments: Callable[[ArgumentParser], None]
    run: Callable[[dict[str, Any], Say], None]
    help: str


_verbs: dict[str, Verb] = {}


def register(
    name: str,
    arguments: Callable[[ArgumentParser], None],
    run: Callable[[dict[str, Any], Say], None],
    help: str,
) -> None:
    """Offer a verb; a second registration of the same name replaces the first (Django may load an app twice in tests)."""
    _verbs[name] = Verb(name, arguments, run, help)


def verbs() -> dict[str, Verb]:
    return dict(_verbs)
