"""Where the processes of one web server keep what they count. No Django here: the server's parent never loads it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

NAME = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's own; it looks once, when it is first imported


def measure_into(path: Path) -> None:
    """Before a server's processes start: an empty folder, since counters begin anew with the server."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    os.environ[NAME] = str(path)
