"""`qixia serve`: the web server and the background worker as two children of one small parent.

Life     a child that ends is started again, at once first, then with a growing pause (0.5 s … 30 s). SIGTERM, SIGINT and
         SIGHUP stop both children politely (they finish what they do), then hard after 15 s.
Orphans  a child is told by the kernel when we are gone, whatever killed us; each has a process group of its own, and
         what is left of a group after its leader's death is ended before the next start.
Output   children write JSON lines to stderr; with `--welcome` they go to var/log/qixia.log and the terminal shows a
         welcome with addresses and demo sign-ins once /readyz says yes.
Exit     0 after a signal; 1 if a child can't be started five times before the site was ever ready.
"""

import argparse
import contextlib
import ctypes
import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

from qixia.kernel.config import Config, get_config
from qixia.site.addresses import lan_addresses
from qixia.site.tls import ensure_certificate

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
STABLE_SECONDS = 60.0
POLITE_SECONDS = 15.0
GIVE_UP_AFTER = 5
LOG_BYTES = 20_000_000
_PR_SET_PDEATHSIG = 1


@dataclass
class Child:
    """One program that must run."""

    name: str
    command: list[str]
    output: IO[bytes] | None
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    not_before: float = 0.0

    def start(self) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )

    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def bury(self) -> int:
        """Note the end: clear what is left of the group and choose when to start again. Returns the exit code."""
        assert self.process is not None
        code = self.process.returncode
        self.signal(signal.SIGKILL)
        self.process = None
        self.failures = 0 if time.monotonic() - self.started > STABLE_SECONDS else self.failures + 1
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (self.failures - 1)) if self.failures else 0.0
        self.not_before = time.monotonic() + pause
        return code

    def last_words(self) -> str:
        """What it said last, where its output goes to a file and would not be seen."""
        if self.output is None:
            return ""
        lines = Path(self.output.name).read_text(errors="replace").rstrip().splitlines()
        return f"\n    {lines[-1][:400]}" if lines else ""

    def signal(self, number: signal.Signals) -> None:
        """To the whole group: granian's processes and anything that they started."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)


@dataclass
class Supervisor:
    children: list[Child]
    is_ready: Callable[[], bool]
    on_ready: Callable[[], None]
    stopping: threading.Event = field(default_factory=threading.Event)
    was_ready: bool = False

    def run(self) -> int:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        for child in self.children:
            child.start()
        threading.Thread(target=self._watch, daemon=True).start()
        given_up = False
        try:
            while not self.stopping.wait(0.2) and not given_up:
                hopes = [self._look_after(child) for child in self.children]  # every one, not only up to the first
                given_up = not all(hopes)
        finally:
            self._stop()
        return 1 if given_up else 0

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping.set()

    def _look_after(self, child: Child) -> bool:
        """Start it again if it ended and its pause is over. False: hopeless."""
        if child.has_ended():
            code = child.bury()
            say(
                f"{child.name} ended (exit code {code}); it is started again in {child.not_before - time.monotonic():.1f} s"
            )
            if child.failures >= GIVE_UP_AFTER and not self.was_ready:
                say(f"{child.name} can't be started; giving up")
                return False
        if child.process is None and time.monotonic() >= child.not_before:
            child.start()
        return True

    def _watch(self) -> None:
        while not self.stopping.wait(0.1):
            if self.is_ready():
                self.was_ready = True
                self.on_ready()
                return

    def _stop(self) -> None:
        # The leader only: granian ends its own processes in order, the worker finishes its batch.
        for child in self.children:
            if child.process is not None:
                child.process.terminate()
        until = time.monotonic() + POLITE_SECONDS
        for child in self.children:
            if child.process is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.process.wait(timeout=max(0.1, until - time.monotonic()))
                child.signal(signal.SIGKILL)


def die_with_parent() -> None:
    """Ask the kernel for SIGTERM when our parent is gone (in the child, between fork and exec)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# The command


def main(argv: list[str]) -> int:
    options = _parser().parse_args(argv)
    config = get_config()
    if options.welcome:
        die_with_parent()  # started by make: when make is killed we go too
    # Asked of a process of its own: this one never loads Django. Its sentence goes to the terminal.
    if config.mode == "production" and subprocess.run([sys.executable, "-m", "qixia.site.cli", "may_serve"]).returncode:
        return 1
    output = _log_file(config) if options.welcome else None
    own_tls = config.tls and not config.trusted_proxy  # with a proxy in front, that one holds the certificate
    supervisor = Supervisor(
        children=_children(options, config, output, own_tls=own_tls),
        is_ready=lambda: is_ready(options.port, tls=own_tls),
        on_ready=lambda: say(_welcome(options.port, config) if options.welcome else "ready"),
    )
    return supervisor.run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="qixia serve", description="Web server and background worker together.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--processes", type=int, help="web processes (default: 1 on SQLite, 2 on PostgreSQL)")
    parser.add_argument("--threads", type=int, default=4, help="threads of a web process")
    parser.add_argument("--workers", type=int, default=1, help="background worker processes; 0: none here")
    parser.add_argument("--welcome", action="store_true", help="what `make run` shows: log to a file, greet")
    return parser


def _children(options: argparse.Namespace, config: Config, output: IO[bytes] | None, *, own_tls: bool) -> list[Child]:
    # SQLite has one writer: a second process would only wait for the first one's lock.
    processes = options.processes or (1 if config.database.startswith("sqlite") else 2)
    web = [sys.executable, "-m", "qixia.site.server", "--host", options.host, "--port", str(options.port)]
    web += ["--processes", str(processes), "--threads", str(options.threads)]
    if own_tls:
        certificate, key = ensure_certificate(config.var_dir / "tls")
        web += ["--certificate", str(certificate), "--key", str(key)]
    worker = [sys.executable, "-m", "qixia.site.cli", "worker", "--share"]
    names = ["worker" if options.workers == 1 else f"worker {number + 1}" for number in range(options.workers)]
    children = [Child("web server", web, output), *(Child(name, [*worker, "urgent"], output) for name in names)]
    if not options.workers:
        return children
    # Pictures are made beside: a report never waits for one. Nor does a picture wait for a training.
    beside = {"picture worker": "slow", "learning worker": "learning"}
    return [*children, *(Child(name, [*worker, share], output) for name, share in beside.items())]


def is_ready(port: int, *, tls: bool) -> bool:
    """Does /readyz on this machine say 200?"""
    connection: http.client.HTTPConnection
    if tls:  # our own self-made certificate on loopback
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=ssl._create_unverified_context())
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz", headers={"Host": "localhost"})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _log_file(config: Config) -> IO[bytes]:
    path = config.var_dir / "log" / "qixia.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")


# The welcome


def _welcome(port: int, config: Config) -> str:
    scheme = "https" if config.tls else "http"
    lines = ["", f"  Qixia 骑侠 is ready:  {scheme}://127.0.0.1:{port}/"]
    lines += [f"  from a phone nearby:  {scheme}://{address}:{port}/" for address in lan_addresses()]
    if not config.tls:
        lines.append("  (phones give their position only over HTTPS:  make run TLS=1)")
    lines += ["", *_sign_ins(config.var_dir / "demo" / "sign-ins.json")]
    lines += [f"  Log: {config.var_dir / 'log' / 'qixia.log'}    Stop: Ctrl-C", ""]
    return "\n".join(lines)


def _sign_ins(path: Path) -> list[str]:
    """The table of demo sign-ins, written by the demo district: a list of rows with the same keys."""
    try:
        rows: list[dict[str, str]] = json.loads(path.read_text())
    except (OSError, ValueError):
        return []
    if not rows:
        return []
    cells = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    widths = [max(_width(row[index]) for row in cells) for index in range(len(cells[0]))]
    table = [
        "  " + "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
        for row in cells
    ]
    return [table[0], "  " + "  ".join("─" * width for width in widths), *table[1:], ""]


def _width(text: str) -> int:
    """Columns in a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
