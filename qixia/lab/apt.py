"""Programs that come from the distribution, not from PyPI: PostgreSQL, Chromium, fonts.

We install them where that is allowed (Debian or Ubuntu, and root or password-less sudo), otherwise we say exactly what
to type and stop. Only the standard library, since `scripts/bootstrap.py` uses it before there is a virtual environment.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Need:
    """Something that must be there: `is_there` looks for it, `package` brings it."""

    package: str
    is_there: Callable[[], bool]
    reason: str


class CannotInstall(RuntimeError):
    """Something is missing and we may not, or could not, install it; the text says what to type."""


def has_program(*names: str) -> Callable[[], bool]:
    return lambda: any(shutil.which(name) for name in names)


def has_file(*patterns: str) -> Callable[[], bool]:
    """Looks for absolute paths; `*` matches within a folder's name."""
    return lambda: any(next(Path("/").glob(pattern.lstrip("/")), None) for pattern in patterns)


POSTGRESQL = Need(
    "postgresql", lambda: has_file("/usr/lib/postgresql/*/bin/initdb")() or has_program("initdb")(), "the database"
)
CHROMIUM = Need("chromium", has_program("chromium", "chromium-browser"), "the browser suite")
NGINX = Need("nginx-light", has_file("/usr/sbin/nginx"), "the tests of the proxy's configuration")
CJK_FONTS = Need(
    "fonts-noto-cjk", has_file("/usr/share/fonts/*/noto/NotoSansCJK*", "/usr/share/fonts/*/*/*CJK*"), "Chinese text"
)


def ensure(needs: Sequence[Need]) -> None:
    """Install what is missing, or raise CannotInstall. Does nothing, quickly, when everything is there."""
    missing = [need for need in needs if not need.is_there()]
    if not missing:
        return
    packages = [need.package for need in missing]
    advice = f"sudo apt-get update && sudo apt-get install -y {' '.join(packages)}"
    reasons = "; ".join(f"{need.package} for {need.reason}" for need in missing)
    prefix = _prefix()
    if prefix is None:
        raise CannotInstall(f"Missing: {reasons}. Please run:\n    {advice}")
    print(f"installing {reasons}", file=sys.stderr, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-q"], ["install", "-y", "-q", "--no-install-recommends", *packages]):
        done = subprocess.run(
            [*prefix, "apt-get", *command], env=environment, stdout=sys.stderr, stdin=subprocess.DEVNULL, check=False
        )
        if done.returncode and command[0] == "install":
            raise CannotInstall(f"apt-get could not install: {reasons}. Please run:\n    {advice}")
    still = [need.package for need in missing if not need.is_there()]
    if still:
        raise CannotInstall(f"installed, but still not found: {', '.join(still)}")


def _prefix() -> list[str] | None:
    """How to become root for apt-get, or None where we can't."""
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return ["sudo", "-n"]
    return None
