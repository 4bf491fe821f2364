"""Which release this is, from the package's own description."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib import metadata

from qixia.kernel.config import PROJECT_DIR


@lru_cache(maxsize=1)
def release() -> str:
    """As in pyproject.toml where we run from a checkout, else as installed."""
    description = PROJECT_DIR / "pyproject.toml"
    if description.is_file():
        return str(tomllib.loads(description.read_text())["project"]["version"])
    return metadata.version("qixia")
