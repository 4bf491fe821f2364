"""When the last backup succeeded: a small file that the backup writes, for checks, metrics and the pages of operations."""

from __future__ import annotations

import json
from pathlib import Path

from qixia.kernel.config import Config


def path_of(config: Config) -> Path:
    """Its time of change is the time of the backup; who backs up by other means may `touch` it."""
    return config.var_dir / "backup" / "last-success"


def write(config: Config, *, archive: Path, size: int, seconds: float) -> None:
    path = path_of(config)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"archive": archive.name, "bytes": size, "seconds": round(seconds, 2)}) + "\n")


def last_success(config: Config) -> float | None:
    """Seconds since the epoch; None: never."""
    try:
        return path_of(config).stat().st_mtime
    except OSError:
        return None
