"""What `qixia media <verb>` can do. A package offers a verb by the name of its module when its app is ready.

The module is imported only when the command runs, so that no web process carries what a tool needs. It has
`HELP`, `add_arguments(parser)` for the verb's own argparse parser, and `run(options, say)`; `say` prints one line.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

_modules: dict[str, str] = {}


def offer(name: str, module: str) -> None:
    """Say that `module`, such as "qixia.lab.evidence", does `qixia media <name>`."""
    _modules[name] = module


def verbs() -> dict[str, ModuleType]:
    return {name: import_module(module) for name, module in sorted(_modules.items())}
