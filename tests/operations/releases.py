"""Which release came before, and its code in a folder of its own.

Truth    CHANGELOG.md names the releases; each has a tag `v<version>`. A clone without tags is told so and not taken for a
         project without releases.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from qixia.kernel.config import PROJECT_DIR

_HEADING = re.compile(r"^## (?:v)?(\d+\.\d+\.\d+)\b", re.MULTILINE)


class NoSuchRelease(Exception):
    """The text says what to do."""


def released() -> list[str]:
    """Versions that the change log names, newest first."""
    return _HEADING.findall((PROJECT_DIR / "CHANGELOG.md").read_text())


def last_release() -> str | None:
    """The commit of the last release; None: there is none yet. NoSuchRelease if this clone lacks its tag."""
    versions = released()
    if not versions:
        return None
    tag = f"v{versions[0]}"
    done = _git("rev-parse", "--verify", "--quiet", f"{tag}^{{commit}}")
    if done.returncode:
        raise NoSuchRelease(f"CHANGELOG.md names {tag}, which this clone lacks: git fetch --tags --unshallow")
    return done.stdout.strip()


def check_out(commit: str, folder: Path) -> Path:
    """The tree of a commit under `folder`, without touching the work tree."""
    archive = folder / "code.tar"
    done = _git("archive", f"--output={archive}", commit)
    if done.returncode:
        raise NoSuchRelease(done.stderr)
    code = folder / "code"
    code.mkdir()
    subprocess.run(["tar", "-xf", str(archive), "-C", str(code)], check=True)
    archive.unlink()
    return code


def _git(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *words], cwd=PROJECT_DIR, capture_output=True, text=True, check=False)
