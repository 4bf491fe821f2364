"""From a fresh machine to a running Qixia, with nothing but Python's standard library.

    python3 scripts/bootstrap.py setup [--dev]    environment, packages, front-end assets
    python3 scripts/bootstrap.py run              setup, database, demo district, server
    python3 scripts/bootstrap.py lock             write requirements/*.lock anew

Every step keeps a stamp of what it was made from and is skipped while that is unchanged, so a second start is quick.
Packages come from the locks with hashes; which registry serves them is the business of the machine's own configuration.
"""

import argparse
import fcntl
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = ROOT / "requirements"
STAMPS = ROOT / "build" / "stamps"
OLDEST, NEWEST = (3, 11), (3, 13)
# Left out for the programs that we start: they slow Python down or point into another environment.
UNWANTED = {"PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["setup", "run", "prepare", "lock"])
    parser.add_argument("--dev", action="store_true", help="with the tools that tests and checks need")
    options = parser.parse_args()
    use_supported_python()
    if options.what == "lock":
        return lock()
    if options.what == "run":
        check_port(port(), host())
    with one_at_a_time():
        setup(dev=options.dev)
        if options.what in ("run", "prepare"):
            step("database and demo", data_inputs, prepare_data)
    if options.what == "run":
        serve()
    return 0


def setup(*, dev: bool) -> None:
    """Everything that needs the network; nothing here touches a database."""
    kind = "dev" if dev or stamp_of("packages").startswith("dev") else "base"
    step(".venv", lambda: f"{PYTHON.exists()} {ROOT}", make_venv, done=PYTHON.exists)
    step("packages", lambda: f"{kind} {fingerprint([REQUIREMENTS / f'{kind}.lock'])}", lambda: install(kind))
    step("console command", lambda: f"{VENV} {fingerprint([Path(__file__)])}", install_command)
    in_venv("-m", "qixia.ui.assets")  # keeps a stamp of its own: it knows best what goes in
    step(
        "translations",
        lambda: fingerprint(sources("locale/**/*.po")),
        lambda: in_venv("scripts/messages.py", "compile"),
        done=lambda: all(path.with_suffix(".mo").exists() for path in sources("locale/**/*.po")),
    )


# Python and packages


def use_supported_python() -> None:
    """Go on under another Python where this one is too old or too new for the tested versions."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        other = shutil.which(f"python3.{minor}")
        if other and subprocess.run([other, "-c", "pass"], capture_output=True, check=False).returncode == 0:
            os.execv(other, [other, *sys.argv])
    version = ".".join(str(part) for part in sys.version_info[:2])
    stop(
        f"Qixia needs Python 3.11, 3.12 or 3.13; this is {version} and no other was found.\n"
        "On Debian and Ubuntu:  sudo apt-get install python3.12 python3.12-venv   (or 3.11)"
    )


def make_venv() -> None:
    shutil.rmtree(VENV, ignore_errors=True)
    forget("packages", "console command")
    uv = working_uv()
    if uv and quiet([uv, "venv", "--quiet", "--python", sys.executable, str(VENV)]):
        return
    if not has_ensurepip():
        get_ensurepip()
    run([sys.executable, "-m", "venv", str(VENV)])


def has_ensurepip() -> bool:
    """Debian's python3 comes without ensurepip until python3-venv is installed."""
    return quiet([sys.executable, "-c", "import venv, ensurepip; ensurepip.version()"])


def get_ensurepip() -> None:
    from qixia.lab import apt  # noqa: PLC0415  (needs Python 3.11, which is only known by now)

    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    try:
        apt.ensure([apt.Need(package, has_ensurepip, "Python's virtual environments")])
    except apt.CannotInstall as error:
        stop(str(error))


def install(kind: str) -> None:
    """The locked packages with their hashes; uv where it works, pip otherwise."""
    wanted = str(REQUIREMENTS / f"{kind}.lock")
    uv = working_uv() or uv_from_lock()
    if uv and quiet([uv, "pip", "sync", "--quiet", "--python", str(PYTHON), "--require-hashes", wanted], show=True):
        return
    if not (VENV / "bin" / "pip").exists():
        run([str(PYTHON), "-m", "ensurepip", "--default-pip"])
    run([str(PYTHON), "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "-r", wanted])


def working_uv() -> str | None:
    uv = shutil.which("uv")
    return uv if uv and quiet([uv, "--version"]) else None


def uv_from_lock() -> str | None:
    """A uv beside the other packages (not among them, they are made to equal the lock), or None where pip can't."""
    folder = VENV / "uv"
    program = folder / "bin" / "uv"
    if not program.exists():
        wanted = ["--require-hashes", "-r", str(REQUIREMENTS / "bootstrap.lock")]
        quiet([str(PYTHON), "-m", "pip", "install", "--quiet", "--target", str(folder), *wanted])
    return str(program) if program.exists() and quiet([str(program), "--version"]) else None


def install_command() -> None:
    """`.venv/bin/qixia` and the import path, written by hand: works offline and needs no build tool."""
    version = next((VENV / "lib").glob("python3.*"))
    (version / "site-packages" / "qixia.pth").write_text(f"{ROOT}\n")
    command = VENV / "bin" / "qixia"
    command.write_text(f"#!{PYTHON}\nimport sys\n\nfrom qixia.site.cli import main\n\nsys.exit(main())\n")
    command.chmod(0o755)


def lock() -> int:
    """Write the locks anew, with hashes and without any registry's address."""
    setup(dev=False)
    uv = working_uv() or uv_from_lock()
    if uv is None:
        stop("`make lock` needs uv:  pip install uv")
    for name in ("bootstrap", "base", "dev"):
        options = ["--universal", "--generate-hashes", "--no-header", "--no-emit-index-url", "--quiet"]
        options += ["--python-version", ".".join(map(str, OLDEST)), "--override", "requirements/overrides.txt"]
        if name == "dev":  # what runs in production is what was tested
            options += ["--constraint", "requirements/base.lock"]
        run([uv, "pip", "compile", *options, f"requirements/{name}.in", "-o", f"requirements/{name}.lock"])
    return 0


# Assets, data, server


def data_inputs() -> str:
    """The database, and all that is loaded into it or served beside it; PostgreSQL is asked anew at every start."""
    url = os.environ.get("QIXIA_DATABASE_URL", "")
    if url and not url.startswith("sqlite"):
        return f"always {time.time()}"
    path = Path(url.removeprefix("sqlite:///")) if url else var_dir() / "qixia.sqlite3"
    identity = path.stat().st_ino if path.exists() else 0
    files = sources("*/migrations/*.py", "**/data/**/*", "**/*.yaml", "*/static/**/*")
    files += sorted(path for path in (ROOT / "build" / "static").rglob("*") if path.is_file())
    return f"{path} {identity} {(var_dir() / 'static').exists()} {fingerprint(files)}"


def prepare_data() -> None:
    run([str(VENV / "bin" / "qixia"), "prepare", "--demo"], env=run_environment())


def serve() -> NoReturn:
    command = [str(VENV / "bin" / "qixia"), "serve", "--host", host(), "--port", str(port()), "--welcome"]
    os.execve(command[0], command, run_environment())


def run_environment() -> dict[str, str]:
    """What `make run` means by default; anything that is set already wins."""
    scheme = "https" if wants_tls() else "http"
    ours = {
        "QIXIA_DEMO": "true",
        "QIXIA_TLS": str(wants_tls()).lower(),
        "QIXIA_BASE_URL": f"{scheme}://127.0.0.1:{port()}",
    }
    return {**ours, **clean_environment()}


def check_port(number: int, address: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, number))
        except OSError as error:
            other = f"make run PORT={number + 1}"
            stop(f"Port {number} is taken{_by_whom(number)} ({error.strerror}). Use another one:  {other}")


def _by_whom(number: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{number}/healthz", timeout=1) as answer:
            return " by a Qixia that runs already" if b"qixia" in answer.read(200) else ""
    except (OSError, ValueError):
        return ""


def port() -> int:
    text = os.environ.get("PORT", "") or "8000"
    if not text.isdigit() or not 0 < int(text) < 65536:
        stop(f"PORT={text} is no port number; use 1024 to 65535, such as  make run PORT=8001")
    return int(text)


def host() -> str:
    return os.environ.get("HOST") or "0.0.0.0"  # phones on the LAN are meant to reach the demo


def wants_tls() -> bool:
    return os.environ.get("TLS", "") not in ("", "0", "no", "false")


def var_dir() -> Path:
    return Path(os.environ.get("QIXIA_VAR_DIR") or ROOT / "var")


# Steps


def step(
    name: str, inputs: Callable[[], str], work: Callable[[], None], done: Callable[[], bool] = lambda: True
) -> None:
    """Do `work` unless it was done for the same inputs. The stamp holds the inputs as they are after the work."""
    if stamp_of(name) == inputs() and done():
        return
    print(f"  {name} …", end="", file=sys.stderr, flush=True)
    forget(name)
    started = time.monotonic()
    work()
    STAMPS.mkdir(parents=True, exist_ok=True)
    _stamp(name).write_text(inputs())
    print(f"\r  {name:<20} {time.monotonic() - started:5.1f} s", file=sys.stderr, flush=True)


def _stamp(name: str) -> Path:
    return STAMPS / name.replace(" ", "-").lstrip(".")


def stamp_of(name: str) -> str:
    return _stamp(name).read_text() if _stamp(name).exists() else ""


def forget(*names: str) -> None:
    for name in names:
        _stamp(name).unlink(missing_ok=True)


def sources(*patterns: str) -> list[Path]:
    return sorted({path for pattern in patterns for path in (ROOT / "qixia").glob(pattern) if path.is_file()})


def fingerprint(paths: Iterable[Path]) -> str:
    """One hash over names and contents; a missing file counts too."""
    whole = hashlib.sha256()
    for path in paths:
        content = path.read_bytes() if path.exists() else b""
        whole.update(json.dumps([str(path), hashlib.sha256(content).hexdigest()]).encode())
    return whole.hexdigest()


def in_venv(*arguments: str) -> None:
    run([str(PYTHON), *arguments])


def run(command: list[str], env: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, cwd=ROOT, env=env or clean_environment(), stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        stop(f"failed with exit code {done.returncode}: {' '.join(command)}")


def quiet(command: list[str], *, show: bool = False) -> bool:
    """True if it worked; its words are shown only where `show` and it did not."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode and show:
        print(f"\n{done.stderr.strip()}\n  trying pip instead", file=sys.stderr)
    return done.returncode == 0


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in UNWANTED}


class one_at_a_time:  # noqa: N801  (reads as a statement)
    """Two `make` in one tree wait for each other instead of writing the same environment."""

    def __enter__(self) -> None:
        STAMPS.mkdir(parents=True, exist_ok=True)
        self._file = (STAMPS / "lock").open("w")
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self._file.close()


def stop(message: str) -> NoReturn:
    print(f"\n{message}", file=sys.stderr)
    raise SystemExit(1)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
