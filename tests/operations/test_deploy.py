"""The files in deploy/: what can be run here is run, the rest is read."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from ssl import _create_unverified_context
from typing import Any, ClassVar

import pytest
import yaml

from qixia.kernel.config import PROJECT_DIR, Config
from qixia.lab.stage import free_port
from qixia.reports import rules

CLIP_MB = 50  # the largest clip that issue 3 allows
DEPLOY = PROJECT_DIR / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
HARDENED = {
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "CapabilityBoundingSet=",
    "StateDirectory=qixia",
    "User=qixia",
    "LimitCORE=0",
    "MemorySwapMax=0",
    "UMask=0077",
    "SystemCallFilter=@system-service",
}


class TestSystemd:
    def test_there_is_a_unit_for_each_program(self) -> None:
        assert [path.stem for path in UNITS] == [
            "qixia-backup",
            "qixia-web",
            "qixia-worker-learning",
            "qixia-worker-slow",
            "qixia-worker-urgent",
        ]

    @pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
    def test_a_unit_is_hardened_and_holds_no_secret(self, unit: Path) -> None:
        lines = set(unit.read_text().splitlines())
        assert HARDENED - lines == set()
        assert not re.search(r"(PASSWORD|TOKEN|KEY)=", unit.read_text())

    @pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
    def test_a_unit_starts_a_command_that_exists(self, unit: Path) -> None:
        (command,) = re.findall(r"^ExecStart=/opt/qixia/.venv/bin/qixia (\w+)", unit.read_text(), re.MULTILINE)
        assert command in {"serve", "worker", "backup"}

    def test_systemd_finds_no_fault(self, tmp_path: Path) -> None:
        """Where the machine has systemd's own verifier; its judgement of exposure too (0 is best, 10 is none)."""
        if shutil.which("systemd-analyze") is None:
            assert not Path("/run/systemd/system").exists()  # no systemd here: the tests above have read the units
            return
        for unit in [*UNITS, DEPLOY / "systemd" / "qixia-backup.timer"]:
            text = unit.read_text().replace("/opt/qixia/.venv/bin/qixia", "/bin/true")
            (tmp_path / unit.name).write_text(text.replace("WorkingDirectory=/opt/qixia", "WorkingDirectory=/"))
        paths = sorted(str(path) for path in tmp_path.iterdir())
        done = subprocess.run(["systemd-analyze", "verify", *paths], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        services = [path for path in paths if path.endswith(".service")]
        command = ["systemd-analyze", "security", "--offline=true", "--threshold=25", "--no-pager", *services]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if "unrecognized option" not in done.stderr:
            assert done.returncode == 0, done.stdout[-500:]


class TestContainers:
    def test_the_image_runs_as_nobody_and_holds_no_secret(self) -> None:
        lines = (DEPLOY / "container" / "Containerfile").read_text().splitlines()
        words = [line.split() for line in lines if line and not line.startswith(("#", " "))]
        assert [word[1] for word in words if word[0] == "USER"] == ["10001"]
        assert len([word for word in words if word[0] == "FROM"]) == 2  # what builds is not what runs
        assert any(word[0] == "HEALTHCHECK" for word in words)
        text = "\n".join(lines)
        assert not re.search(r"(PASSWORD|TOKEN|SECRET)=", text)
        ignored = (DEPLOY / "container" / "Containerfile.dockerignore").read_text().split()
        assert {"var", ".git", ".venv"} <= set(ignored)

    def test_the_example_of_several_machines_names_every_program(self) -> None:
        found = yaml.safe_load((DEPLOY / "container" / "compose.yml").read_text())
        services: dict[str, dict[str, Any]] = found["services"]
        commands = {name: service.get("command", [])[1:2] for name, service in services.items()}
        assert commands["web"] == ["serve"]
        assert commands["prepare"] == ["prepare"]
        assert services["worker-urgent"]["command"][-1] == "urgent"
        assert services["worker-slow"]["command"][-1] == "slow"
        assert services["worker-learning"]["command"][-1] == "learning"
        for name in ("web", "worker-urgent", "worker-slow", "worker-learning", "prepare"):
            assert services[name]["read_only"] is True
            assert "./keys:/run/qixia-keys:ro" in services[name]["volumes"]
            assert names(services[name]["environment"]) <= set(Config.model_fields)
        mounted = {volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])}
        assert {name for name in mounted if not name.startswith(".")} == set(found["volumes"])


def names(environment: dict[str, str]) -> set[str]:
    return {name.removeprefix("QIXIA_").lower() for name in environment}


def test_the_example_of_settings_names_settings() -> None:
    lines = [line for line in (DEPLOY / "qixia.env").read_text().splitlines() if line and not line.startswith("#")]
    given = dict(line.split("=", 1) for line in lines)
    assert names(given) <= set(Config.model_fields)
    assert given["QIXIA_MODE"] == "production"
    assert json.loads(given["QIXIA_ALLOWED_HOSTS"]) == ["qixia.example.org"]


# nginx, really running


class Upstream(BaseHTTPRequestHandler):
    """Stands for Qixia: keeps what reached it."""

    seen: ClassVar[list[tuple[str, str, dict[str, str], int]]] = []
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        while length > 0:
            chunk = self.rfile.read(min(length, 1 << 16))
            length -= len(chunk)
        headers = {name.lower(): value for name, value in self.headers.items()}
        Upstream.seen.append((self.command, self.path, headers, int(headers.get("content-length", 0))))
        body = b"hello"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Request-ID", "from-qixia")
        self.send_header("X-Accel-Redirect", "/etc/passwd")
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer  # noqa: N815 — the names that http.server asks for

    def log_message(self, *_: object) -> None:
        """Quiet."""


class Nginx:
    """nginx with our configuration; only names, ports and folders differ."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.plain_port, self.upstream_port = free_port(), free_port(), free_port()
        certificate, key = self._certificate()
        text = (DEPLOY / "nginx" / "qixia.conf").read_text()
        for old, new in {
            "127.0.0.1:8000": f"127.0.0.1:{self.upstream_port}",
            "listen 80;": f"listen 127.0.0.1:{self.plain_port};",
            "listen [::]:80;": "",
            "listen 443 ssl http2;": f"listen 127.0.0.1:{self.port} ssl http2;",
            "listen [::]:443 ssl http2;": "",
            "/etc/ssl/qixia/fullchain.pem": str(certificate),
            "/etc/ssl/qixia/privkey.pem": str(key),
            "/var/log/nginx/qixia.log": str(folder / "access.log"),
            "/var/log/nginx/qixia.error.log": str(folder / "error.log"),
            "/run/qixia-nginx": str(folder / "bodies"),
        }.items():
            assert old in text, old
            text = text.replace(old, new)
        user = "user root;\n" if os.geteuid() == 0 else ""  # the folders of tests are root's own then
        main = f"{user}pid {folder}/nginx.pid;\nerror_log {folder}/main.log;\nevents {{}}\nhttp {{\n"
        main += "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
        (folder / "nginx.conf").write_text(f"{main}client_body_temp_path {folder}/bodies;\n{text}\n}}\n")

    def _certificate(self) -> list[str]:
        """In a program of its own: it asks for the machine's addresses, and tests open no such sockets."""
        words = f"from pathlib import Path; from qixia.site.tls import ensure_certificate as e; print(*e(Path({str(self.folder)!r})))"
        done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
        return done.stdout.split()

    def command(self, *words: str) -> list[str]:
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        return [program, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf"), *words]

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        connection = HTTPSConnection("127.0.0.1", self.port, timeout=20, context=_create_unverified_context())
        try:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body=body or None, headers={"Host": "qixia.example.org", **given})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def log(self) -> list[dict[str, Any]]:
        time.sleep(0.2)  # nginx writes the line after the answer
        return [json.loads(line) for line in (self.folder / "access.log").read_text().splitlines()]


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    found = Nginx(tmp_path_factory.mktemp("nginx"))
    upstream = ThreadingHTTPServer(("127.0.0.1", found.upstream_port), Upstream)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    process = subprocess.Popen(found.command("-g", "daemon off;"), stderr=subprocess.PIPE)
    until = time.monotonic() + 15
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", found.port)) == 0:
                break
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    yield found
    process.terminate()
    process.wait(timeout=20)
    upstream.shutdown()
    upstream.server_close()


class TestNginx:
    def test_it_finds_no_fault(self, nginx: Nginx) -> None:
        done = subprocess.run(nginx.command("-t"), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "warn" not in done.stderr

    def test_plain_http_is_sent_to_https(self, nginx: Nginx) -> None:
        connection = HTTPConnection("127.0.0.1", nginx.plain_port, timeout=10)
        connection.request("GET", "/snap?x=1", headers={"Host": "evil.example"})
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("Location")) == (301, "https://qixia.example.org/snap?x=1")
        connection.close()

    def test_who_asks_is_told_by_the_proxy_alone(self, nginx: Nginx) -> None:
        nginx.ask("GET", "/told", X_Forwarded_For="1.2.3.4", X_Forwarded_Proto="http", X_Real_IP="1.2.3.4")
        headers = next(headers for _, path, headers, _ in Upstream.seen if path == "/told")
        assert headers["x-forwarded-for"] == "127.0.0.1"
        assert headers["x-forwarded-proto"] == "https"
        assert "x-real-ip" not in headers

    def test_the_log_names_neither_address_nor_secret(self, nginx: Nginx) -> None:
        nginx.ask(
            "GET", "/pic/SECRETTOKEN?sig=SECRETQUERY", Cookie="sessionid=SECRETCOOKIE", Referer="https://x/SECRETFROM"
        )
        text = (nginx.folder / "access.log").read_text() if nginx.log() else ""
        assert "SECRET" not in text
        assert "127.0.0.1" not in text
        line = nginx.log()[-1]
        assert line["path"] == "/pic/…"
        assert set(line) == {"time", "method", "path", "status", "bytes", "seconds", "request_id"}
        assert line["request_id"] == "from-qixia"

    @pytest.mark.parametrize("path", ["/anonymous/", "/anonymous/status", "/anonymous/answer"])
    def test_a_report_without_a_name_leaves_no_line_and_brings_no_cookie(self, nginx: Nginx, path: str) -> None:
        before = len(nginx.log())
        status, _ = nginx.ask(
            "POST", path, b"x" * 300_000, Cookie="sessionid=me", Referer="https://me/", User_Agent="My Phone 7",
            Authorization="Bearer me", X_Request_ID="joins-me-1234", X_Rider_Pass="everybody",
        )  # fmt: skip
        assert status == 200
        assert len(nginx.log()) == before
        headers = next(headers for _, seen, headers, _ in reversed(Upstream.seen) if seen == path)
        assert not {"cookie", "referer", "user-agent", "authorization", "x-request-id"} & set(headers)
        assert headers["x-rider-pass"] == "everybody"
        assert headers["host"] == "qixia.example.org"
        assert headers["x-forwarded-proto"] == "https"
        assert headers["content-length"] == "300000"

    def test_claims_leave_no_line_but_bring_their_cookie(self, nginx: Nginx) -> None:
        before = len(nginx.log())
        nginx.ask("POST", "/claims/", b"{}", Cookie="sessionid=me")
        assert len(nginx.log()) == before
        assert next(h for _, seen, h, _ in reversed(Upstream.seen) if seen == "/claims/")["cookie"] == "sessionid=me"

    def test_the_largest_request_passes_and_a_larger_one_does_not(self, nginx: Nginx) -> None:
        sent = bytes(65 << 20)
        assert nginx.ask("POST", "/snap", sent)[0] == 200
        assert Upstream.seen[-1][1:4:2] == ("/snap", len(sent))
        seen = len(Upstream.seen)
        assert nginx.ask("POST", "/inbox", sent)[0] == 413
        assert len(Upstream.seen) == seen

    def test_the_limit_fits_the_settings(self) -> None:
        text = (DEPLOY / "nginx" / "qixia.conf").read_text()
        limit, *doors = (int(number) for number in re.findall(r"client_max_body_size (\d+)m;", text))
        assert len(doors) == 2
        assert min(doors) > 2 * rules.PHOTOS_MAX * Config.model_fields["max_photo_mb"].default
        assert limit >= CLIP_MB

    def test_bodies_wait_where_the_configuration_says_and_are_gone_afterwards(self, nginx: Nginx) -> None:
        """Where that is a tmpfs, no photo touches a disk before it is encrypted."""
        connection = HTTPSConnection("127.0.0.1", nginx.port, timeout=20, context=_create_unverified_context())
        connection.putrequest("POST", "/slow")
        connection.putheader("Content-Length", "2000000")
        connection.endheaders()
        connection.send(b"x" * 1_500_000)
        time.sleep(0.5)
        assert waiting_bodies(nginx) == 1
        assert not [path for path in Upstream.seen if path[1] == "/slow"]  # no thread of Qixia waits for a slow phone
        connection.close()
        time.sleep(0.5)
        assert waiting_bodies(nginx) == 0
        assert [path for path in (nginx.folder / "bodies").rglob("*") if path.is_file()] == []

    def test_qixia_can_hand_out_no_file_by_name(self, nginx: Nginx) -> None:
        assert nginx.ask("GET", "/any")[1] == b"hello"

    def test_floods_are_refused_with_429(self, nginx: Nginx) -> None:
        statuses = [nginx.ask("POST", "/staff/sign-in", b"x")[0] for _ in range(40)]
        assert statuses[0] == 200
        assert 429 in statuses
        assert set(statuses) == {200, 429}
        assert (nginx.folder / "error.log").read_text() == ""  # it would name address and path


def waiting_bodies(nginx: Nginx) -> int:
    """Open files of nginx in its folder of bodies; it removes their names at once."""
    links = []
    for handle in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            links.append(os.readlink(handle))
    return len({link for link in links if link.startswith(f"{nginx.folder}/bodies/")})
