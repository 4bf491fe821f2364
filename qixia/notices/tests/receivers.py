"""Real receivers on the loopback: a push service with its browsers, robots' servers, a mail server, each remembering all.

They know nothing of Qixia: the push service checks the signature and decrypts with the browser's private key.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import http_ece
from aiosmtpd.controller import Controller
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02

HERE = "127.0.0.1"


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Browser:
    """One subscription with its private key, as a browser holds it."""

    def __init__(self, port: int, name: str) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.auth = b"sixteen bytes.. "[:16]
        self.name = name
        self.endpoint = f"http://{HERE}:{port}/push/{name}"

    @property
    def form(self) -> dict[str, str]:
        point = self.private.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        return {"endpoint": self.endpoint, "p256dh": _text(point), "auth": _text(self.auth)}

    def read(self, body: bytes) -> dict[str, Any]:
        plain = http_ece.decrypt(body, private_key=self.private, auth_secret=self.auth, version="aes128gcm")
        return json.loads(plain)


@dataclass
class Heard:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float


@dataclass
class Web:
    """Push service and robots' server in one. `answers` are taken from the front, then all is well."""

    port: int = 0
    heard: list[Heard] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer_for(self, one: Heard) -> tuple[int, dict[str, str], bytes]:
        with self.lock:
            self.heard.append(one)
            if self.answers:
                return self.answers.pop(0)
        if one.path.startswith("/push/"):
            return 201, {"Location": f"http://{HERE}/m/{len(self.heard)}"}, b""
        return 200, {}, b'{"errcode":0,"errmsg":"ok"}'

    def said(self) -> list[str]:
        """The texts that robots said."""
        return [
            json.loads(one.body)["text"]["content"]
            for one in self.heard
            if "robot" in one.path or "webhook" in one.path
        ]


@contextmanager
def web(clock: Any) -> Iterator[Web]:
    """`clock()` gives the moment of a request."""
    state = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            heard = Heard(self.path, {name.lower(): value for name, value in self.headers.items()}, body, clock())
            status, headers, answer = state.answer_for(heard)
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer((HERE, 0), Handler)
    state.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


def check_signature(one: Heard, public: str, now: float) -> dict[str, Any]:
    """The claims of a push's signature (RFC 8292), verified with the key that it names, which must be `public`."""
    scheme, _, rest = one.headers["authorization"].partition(" ")
    parts = dict(part.split("=", 1) for part in rest.split(","))
    assert scheme == "vapid"
    assert parts["k"] == public
    assert Vapid02.verify(f"vapid t={parts['t']},k={parts['k']}")
    claims = json.loads(base64.urlsafe_b64decode(parts["t"].split(".")[1] + "=="))
    assert now < claims["exp"] <= now + 24 * 3600
    return claims


@dataclass
class Mail:
    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list)
    refuse: int = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 — aiosmtpd calls it so
        if self.refuse:
            self.refuse -= 1
            return "451 later"
        letter = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(letter, EmailMessage)
        self.letters.append(letter)
        return "250 taken"


@contextmanager
def mail() -> Iterator[Mail]:
    state = Mail()
    controller = Controller(state, hostname=HERE, port=0)
    # aiosmtpd asks its own port back to see that it is there, so it must not be 0.
    controller.port = free_port()
    controller.start()
    state.port = controller.port
    try:
        yield state
    finally:
        controller.stop()


def free_port() -> int:
    with ThreadingHTTPServer((HERE, 0), BaseHTTPRequestHandler) as taken:
        return int(taken.server_port)
