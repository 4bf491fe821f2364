"""Real servers on the loopback that answer as the test says, decently or not."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Talk = Callable[[socket.socket, bytes], None]


class Server:
    """Accepts connections, reads one request each, and lets `talk` answer. `seen` holds the requests."""

    def __init__(self, talk: Talk, tls: ssl.SSLContext | None) -> None:
        self.talk, self.tls = talk, tls
        self.seen: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                wire, _peer = self.listener.accept()
                threading.Thread(target=self._answer, args=[wire], daemon=True).start()

    def _answer(self, wire: socket.socket) -> None:
        with suppress(OSError), wire:
            if self.tls is None:
                self._serve(wire)
                return
            with self.tls.wrap_socket(wire, server_side=True) as secured:
                self._serve(secured)

    def _serve(self, wire: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            part = wire.recv(65536)
            if not part:
                return
            head += part
        head, _, body = head.partition(b"\r\n\r\n")
        wanted = next(
            (int(h.split(b":")[1]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length")), 0
        )
        while len(body) < wanted:
            body += wire.recv(65536)
        self.seen.append(head + b"\r\n\r\n" + body)
        self.talk(wire, self.seen[-1])


@contextmanager
def serving(talk: Talk, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server(talk, tls)
    try:
        yield server
    finally:
        server.listener.close()


def says(raw: bytes) -> Talk:
    """Sends these bytes and closes."""
    return lambda wire, _request: wire.sendall(raw)


def page(body: bytes = b"good", status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def certificates(folder: Path, name: str) -> tuple[Path, ssl.SSLContext]:
    """An authority of our own and a server's certificate for `name`: (PEM to believe, the server's context)."""
    now = datetime.datetime.now(datetime.UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    try:
        alternative: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        alternative = x509.DNSName(name)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / f"{name}.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret = folder / f"{name}.key"
    plain = serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, secret)
    return pem, context
