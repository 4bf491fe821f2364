"""The layer list for all architecture tests, read from the one place where it stands: pyproject.toml."""

import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "qixia"


def contracts() -> dict[str, dict[str, Any]]:
    """Import contracts by id."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return {contract["id"]: contract for contract in settings["tool"]["importlinter"]["contracts"]}


def levels() -> list[list[str]]:
    """From the top down; packages in one list stand beside each other and never import each other."""
    return [re.findall(r"\w+", line) for line in contracts()["layers"]["layers"]]


HEIGHT = {name: -index for index, level in enumerate(levels()) for name in level}


def existing() -> list[str]:
    """Packages that are there, from the top down."""
    return [name for level in levels() for name in level if (PACKAGE / name / "__init__.py").exists()]


def may_use(user: str, used: str) -> bool:
    """Whether package `user` may depend on package `used`: itself, or one further down."""
    return user == used or HEIGHT[used] < HEIGHT[user]


def owner(path: Path) -> str:
    """The package that a file belongs to."""
    return path.resolve().relative_to(PACKAGE).parts[0]


def python_files() -> list[Path]:
    """Our own code, without tests and migrations."""
    outside = {"tests", "migrations"}
    return [path for path in sorted(PACKAGE.rglob("*.py")) if not outside & set(path.relative_to(PACKAGE).parts)]
