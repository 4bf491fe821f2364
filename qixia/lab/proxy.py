"""nginx in front of a stage, with the configuration that we ship; only ports, folders and TLS differ."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from qixia.lab.stage import StageFailed, free_port
from qixia.site.supervisor import die_with_parent

CONFIG = Path(__file__).resolve().parents[2] / "deploy" / "nginx" / "qixia.conf"
START_SECONDS = 10.0


@contextlib.contextmanager
def nginx(folder: Path, upstream_port: int) -> Iterator[int]:
    """The port on which it listens, over plain HTTP."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(program).exists():
        raise StageFailed("nginx is not installed:  apt-get install nginx-light")
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    (folder / "nginx.conf").write_text(_configuration(folder, port, upstream_port))
    with subprocess.Popen(
        [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"],
        stderr=(folder / "stderr").open("wb"),
        preexec_fn=die_with_parent,
    ) as process:
        try:
            _wait(port, process, folder)
            yield port
        finally:
            process.terminate()


def _configuration(folder: Path, port: int, upstream_port: int) -> str:
    text = CONFIG.read_text()
    secured = text[text.index("server {", text.index("listen 80;")) :]  # the second server, without the redirect
    head = text[: text.index("server {\n    listen 80;")]
    secured = re.sub(r"^\s*ssl_.*$", "", secured, flags=re.MULTILINE)
    changes = {
        "127.0.0.1:8000": f"127.0.0.1:{upstream_port}",
        "listen 443 ssl http2;": f"listen 127.0.0.1:{port};",
        "listen [::]:443 ssl http2;": "",
        "/var/log/nginx": str(folder),
        "/run/qixia-nginx": str(folder / "bodies"),
        # All phones of a drill have one address: its limits are for addresses, not for what is drilled here.
        "rate=60r/m": "rate=60000r/m",
        "limit_conn qixia_connections 100;": "limit_conn qixia_connections 10000;",
    }
    text = head + secured
    for old, new in changes.items():
        if old not in text:
            raise StageFailed(f"{CONFIG.name} no longer says {old}")
        text = text.replace(old, new)
    user = "user root;\n" if os.geteuid() == 0 else ""
    places = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
    events = "events { worker_connections 4096; }\n"
    return f"{user}pid {folder}/nginx.pid;\nerror_log {folder}/main.log;\n{events}http {{\n{places}{text}\n}}\n"


def _wait(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise StageFailed(f"nginx did not start: {(folder / 'stderr').read_text()}")
