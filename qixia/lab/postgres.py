"""A PostgreSQL of one's own: made in a second, on a free port, gone afterwards.

Truth    the cluster lives in one temporary folder (data, socket, log); nothing else of the machine is touched.
Life     a small guardian process starts PostgreSQL and holds a pipe to us. When we close it, end, crash or are killed,
         the guardian stops the server and removes the folder; when the guardian itself is killed, the kernel stops
         the server (parent-death signal). So nothing stays behind, which `pg_ctl` from a test run can't promise.
Rights   PostgreSQL refuses to run as root: then it runs as the user `postgres`, otherwise as ourselves.
Errors   `MissingPostgreSQL` (not installed: the text says what to install), `StartFailed` (with the end of the log).

Only the standard library is used, so that the guardian starts quickly and from any Python.

    with PostgreSQL(fsync=True) as pg: connect(pg.url)
    python -m qixia.lab.postgres                  # until Ctrl-C, prints the address
    python -m qixia.lab.postgres -- pytest -q     # one command with QIXIA_DATABASE_URL set
"""

import argparse
import ctypes
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

PR_SET_PDEATHSIG = 1
DATABASE = "qixia"
USER = "postgres"
START_SECONDS = 30.0
STOP_SECONDS = 10.0

# What a test database gives up for speed, and room for a hundred who come at once (qixia/rewards/tests/test_races.py). Benches pass
# fsync=True and get PostgreSQL's own defaults instead.
CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "150"}


class MissingPostgreSQL(RuntimeError):
    """The server programs are not installed."""


class StartFailed(RuntimeError):
    """PostgreSQL did not start; the text holds the end of its log."""


class PostgreSQL:
    """A running server; use it as a context manager.

    `url` names an empty database, `url_for(name)` another one on the same server; `pid` is the postmaster's.
    """

    def __init__(self, *, fsync: bool = False, settings: dict[str, str] | None = None) -> None:
        self.fsync = fsync
        self.settings = settings or {}
        self.port = 0
        self.pid = 0
        self.folder = Path()
        self._guardian: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return self.url_for(DATABASE)

    def url_for(self, database: str) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def program(self, name: str) -> str:
        """The path of a client program of the same version: `psql`, `pgbench`, `createdb`."""
        return str(programs() / name)

    def start(self) -> None:
        programs()  # says what is missing before a process starts
        order = {"settings": self.settings if self.fsync else {**CARELESS, **self.settings}}
        self._guardian = subprocess.Popen(
            [sys.executable, "-I", str(Path(__file__).resolve()), "guard", json.dumps(order)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C in the terminal is for us; the guardian tidies up after us
        )
        assert self._guardian.stdout is not None
        line = self._guardian.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"error": "the guardian ended without a word"}
        self.folder = Path(answer.get("folder", "."))
        if "error" in answer:
            self.stop()
            raise StartFailed(answer["error"])
        self.port, self.pid = answer["port"], answer["pid"]

    def stop(self) -> None:
        if self._guardian is None:
            return
        assert self._guardian.stdin is not None
        self._guardian.stdin.close()
        self._guardian.wait(timeout=STOP_SECONDS * 3)
        if self._guardian.stdout is not None:
            self._guardian.stdout.close()
        self._guardian = None


def programs() -> Path:
    """The folder with `initdb` and `postgres`, newest version first."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda folder: float(folder.parent.name))
    on_path = shutil.which("initdb")
    if on_path is None:
        raise MissingPostgreSQL("PostgreSQL is not installed. On Debian and Ubuntu: sudo apt-get install postgresql")
    return Path(on_path).resolve().parent


# The rest runs in the guardian process.


def guard(order: dict[str, Any]) -> int:
    """Start a server, tell its address on stdout, hold it until stdin closes or the parent is gone."""
    parent = os.getppid()
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    account = pwd.getpwnam(USER) if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="qixia-pg-", dir=_roof()))
    server: subprocess.Popen[bytes] | None = None
    try:
        if account:
            os.chown(folder, account.pw_uid, account.pw_gid)
        server, port = _start(folder, account, order["settings"])
        print(json.dumps({"port": port, "pid": server.pid, "folder": str(folder)}), flush=True)
        _hold(parent, server)
    except (OSError, StartFailed, subprocess.CalledProcessError) as error:
        print(json.dumps({"error": f"PostgreSQL did not start: {error}", "folder": str(folder)}), flush=True)
        return 1
    finally:
        if server is not None:
            _stop(server)
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _roof() -> str:
    """Where the folder goes: a socket's path may have 107 bytes at most, and `postgres` must be able to enter it."""
    return "/tmp" if os.access("/tmp", os.W_OK) else tempfile.gettempdir()


def _start(
    folder: Path, account: pwd.struct_passwd | None, settings: dict[str, str]
) -> tuple[subprocess.Popen[bytes], int]:
    data, log = folder / "data", folder / "log"
    _as(account, [_program("initdb"), "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"])
    problem = ""
    for _attempt in range(3):  # the free port may be taken by somebody else before we use it
        port = _free_port()
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": str(folder), **settings}
        command: list[str | Path] = [_program("postgres"), "-D", data, "-p", str(port)]
        command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with log.open("wb") as out:
            server = subprocess.Popen(command, stdout=out, stderr=out, cwd=folder, **_identity(account))
        if _is_ready(server, port):
            _as(account, [_program("createdb"), "-h", "127.0.0.1", "-p", str(port), "-U", USER, DATABASE])
            return server, port
        _stop(server)
        problem = log.read_text(errors="replace")[-2000:]
    raise StartFailed(problem)


def _is_ready(server: subprocess.Popen[bytes], port: int) -> bool:
    until = time.monotonic() + START_SECONDS
    ask = [_program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    while time.monotonic() < until and server.poll() is None:
        if subprocess.run(ask, check=False).returncode == 0:
            return True
        time.sleep(0.05)
    return False


def _hold(parent: int, server: subprocess.Popen[bytes]) -> None:
    """Return when our maker closes the pipe, is gone (a forked child may hold the pipe open), or the server ended."""
    os.set_blocking(sys.stdin.fileno(), False)
    while os.getppid() == parent and server.poll() is None:
        try:
            if os.read(sys.stdin.fileno(), 64) == b"":
                return
        except BlockingIOError:
            pass
        time.sleep(0.1)


def _stop(server: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):  # fast, immediate, last resort
        if server.poll() is None:
            server.send_signal(number)
        try:
            server.wait(timeout=STOP_SECONDS)
            return
        except subprocess.TimeoutExpired:
            continue


def _as(account: pwd.struct_passwd | None, command: list[str | Path]) -> None:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, cwd="/", check=False, **_identity(account)
    )
    if done.returncode:
        raise StartFailed(f"{command[0]}: {done.stderr.strip() or done.stdout.strip()}")


def _identity(account: pwd.struct_passwd | None) -> dict[str, Any]:
    """Arguments for subprocess: the right user, and death together with the guardian.

    subprocess runs preexec_fn after it has changed the user; the order matters, a change of user clears the signal.
    """
    who: dict[str, Any] = {"preexec_fn": _die_with_parent}
    if account:
        who |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    return who


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)


def _program(name: str) -> str:
    return str(programs() / name)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main(argv: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if argv is None else argv
    if arguments[:1] == ["guard"]:
        return guard(json.loads(arguments[1]))
    parser = argparse.ArgumentParser(prog="python -m qixia.lab.postgres", description="A PostgreSQL of one's own.")
    parser.add_argument("--fsync", action="store_true", help="as safe as in production (tests don't need it)")
    parser.add_argument("command", nargs="*", help="run this with QIXIA_DATABASE_URL set, then stop")
    options = parser.parse_args(arguments)
    try:
        with PostgreSQL(fsync=options.fsync) as server:
            if options.command:
                environment = {**os.environ, "QIXIA_DATABASE_URL": server.url}
                return subprocess.run(options.command, env=environment, check=False).returncode
            print(server.url, flush=True)
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
    except (MissingPostgreSQL, StartFailed) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
