"""The one way out: every request that Qixia makes to another machine goes through `send`.

Guard    the address is parsed strictly, its name resolved once, every resolved address checked, and the connection made
         to exactly the address that was checked: a name server that changes its mind in between changes nothing.
Bounds   one deadline for everything (name, connection, TLS, headers, body), kept by a clock that closes the socket, so
         that a server which drips a byte now and then can't hold a worker; answers have a largest size, compressed
         ones are not asked for and not taken.
Redirects are answers like others (status 3xx is Unreachable), unless the administrators' list allows them for the host.
Retries  none here: the caller's job has its own. Never call it inside a transaction: the other side may be slow.
Log      host, status, milliseconds, bytes; never path, query, headers or body: addresses of robots are secrets.
Errors   rules.Refused (will not get better), rules.Unreachable (may).
"""

from __future__ import annotations

import http.client
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urljoin

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util.ssl_match_hostname import CertificateError

from qixia.kernel.config import get_config
from qixia.outgoing import rules
from qixia.outgoing.policy import Destinations
from qixia.outgoing.rules import Permit, Refused, Target, Unreachable
from qixia.policy.queries import current

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
HOPS: Final = 3
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding", "te", "upgrade"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

log = logging.getLogger("qixia.outgoing")

Resolve = Callable[[str, int], list[str]]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes and seconds. `connect_s` is part of `total_s`."""

    connect_s: float = 4.0
    total_s: float = 15.0
    max_answer: int = 1024 * 1024
    max_body: int = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Header names are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def send(
    method: str,
    url: str,
    *,
    purpose: str,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    limits: Limits | None = None,
    resolve: Resolve | None = None,
) -> Answer:
    """Make one request. `purpose` names the caller in the log ("notices.robot"); 4xx and 5xx are answers, not errors."""
    bounds = limits or Limits()
    clean = _checked(method, headers or {}, body, bounds)
    listed: Destinations = current("outgoing.destinations").data
    deadline = time.monotonic() + bounds.total_s
    for _hop in range(HOPS + 1):
        target = rules.parse(url)
        permit = listed.permit(target)
        answer = _exchange(method, target, permit, clean, body, purpose, bounds, deadline, resolve or lookup)
        if answer.status not in _REDIRECTS:
            return answer
        if not permit.redirects or "location" not in answer.headers:
            raise Unreachable(why="对方要求转到别的地址")
        previous, url = target, urljoin(url, answer.headers["location"])
        method, body, clean = _after_redirect(answer.status, method, body, clean, previous, rules.parse(url))
    raise Unreachable(why="转了太多次")


def lookup(host: str, port: int) -> list[str]:
    """All addresses of a name, as the system resolves it."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def _checked(method: str, headers: Mapping[str, str], body: bytes, bounds: Limits) -> dict[str, str]:
    """Headers that can be sent as they are; a mistake in them is the caller's."""
    if method not in METHODS:
        raise ValueError(f"no method {method}")
    if len(body) > bounds.max_body:
        raise Refused(why="内容太大")
    for name, value in headers.items():
        if name.lower() in _OURS:
            raise ValueError(f"header {name} is set here")
        if not name.isascii() or any(ord(letter) < 32 or ord(letter) == 127 for letter in name + value):
            raise Refused(why="请求头里有不允许的字符")
    return {name.lower(): value for name, value in headers.items()}


def _after_redirect(
    status: int, method: str, body: bytes, headers: dict[str, str], old: Target, new: Target
) -> tuple[str, bytes, dict[str, str]]:
    """As browsers do; what identifies us stays with the host that it was meant for."""
    kept = headers if (old.scheme, old.netloc) == (new.scheme, new.netloc) else _without_secrets(headers)
    if status in (307, 308) or method in ("GET", "HEAD"):
        return method, body, kept
    return "GET", b"", {name: value for name, value in kept.items() if name != "content-type"}


def _without_secrets(headers: dict[str, str]) -> dict[str, str]:
    harmless = ("accept", "accept-language", "content-type", "user-agent")
    return {name: value for name, value in headers.items() if name in harmless}


def _exchange(
    method: str,
    target: Target,
    permit: Permit,
    headers: dict[str, str],
    body: bytes,
    purpose: str,
    bounds: Limits,
    deadline: float,
    resolve: Resolve,
) -> Answer:
    started = time.monotonic()
    outcome: str | int = "refused"
    try:
        rules.check(target, permit)
        addresses = _addresses(target, permit, resolve, deadline)
        outcome = "unreachable"
        answer = _talk(method, target, addresses, headers, body, bounds, deadline)
        outcome = answer.status
        return answer
    finally:
        took = round((time.monotonic() - started) * 1000)
        log.info("outgoing", extra={"purpose": purpose, "host": target.host, "outcome": outcome, "ms": took})


def _addresses(target: Target, permit: Permit, resolve: Resolve, deadline: float) -> list[str]:
    """Every address of the name, all of them allowed: one private address among public ones is a trick."""
    try:
        found = _resolver().submit(resolve, target.host, target.port).result(_left(deadline))
    except TooSlow as error:
        raise Unreachable(why="域名解析超时") from error
    except (OSError, UnicodeError) as error:
        raise Unreachable(why="域名解析失败") from error
    if not found:
        raise Unreachable(why="域名解析失败")
    for address in found:
        rules.check_address(address, permit)
    return found


@lru_cache(maxsize=1)
def _resolver() -> ThreadPoolExecutor:
    """The system's resolver knows no deadline, so it waits in a thread of its own."""
    return ThreadPoolExecutor(max_workers=4, thread_name_prefix="resolve")


def _talk(
    method: str,
    target: Target,
    addresses: list[str],
    headers: dict[str, str],
    body: bytes,
    bounds: Limits,
    deadline: float,
) -> Answer:
    connection = _connect(target, addresses, bounds, deadline)
    connection.timeout = _left(deadline)
    guard = threading.Timer(connection.timeout, _cut, [connection])
    guard.start()
    try:
        connection.request(
            method,
            target.path,
            body=body or None,
            headers={**headers, "host": target.netloc, "accept-encoding": "identity", "connection": "close"},
            preload_content=False,
            decode_content=False,
        )
        response = connection.getresponse()
        return Answer(response.status, _plain_headers(response), _read(response, bounds, deadline))
    except (OSError, HTTPError, http.client.HTTPException, ValueError) as error:
        raise Unreachable(why="超时" if time.monotonic() >= deadline else "连接中断或回应不合规") from error
    finally:
        guard.cancel()
        connection.close()


def _connect(target: Target, addresses: list[str], bounds: Limits, deadline: float) -> HTTPConnection:
    """The first address that takes the connection."""
    for address in addresses:
        connection = _connection(target, address, min(bounds.connect_s, _left(deadline)))
        # The handshake is cut off too: a server may drip its certificate.
        guard = threading.Timer(min(bounds.connect_s, _left(deadline)) * 2, _cut, [connection])
        guard.start()
        try:
            connection.connect()
            return connection
        except (OSError, HTTPError, CertificateError):
            connection.close()
        finally:
            guard.cancel()
    raise Unreachable(why="连不上，或对方的证书不可信")


def _connection(target: Target, address: str, timeout: float) -> HTTPConnection:
    """To the checked address, while name and certificate are those of the host."""
    if target.scheme == "http":
        return HTTPConnection(address, target.port, timeout=timeout)
    return HTTPSConnection(
        address,
        target.port,
        timeout=timeout,
        ssl_context=_trust(get_config().outgoing_ca_file),
        server_hostname=target.host,
        assert_hostname=target.host,
    )


@lru_cache(maxsize=4)
def _trust(extra: Any) -> ssl.SSLContext:
    """The system's authorities, and the city's own where the settings name one."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if extra:
        context.load_verify_locations(extra)
    return context


def _cut(connection: HTTPConnection) -> None:
    """Wake whoever waits on this socket."""
    with suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)


def _plain_headers(response: Any) -> dict[str, str]:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise ValueError("compressed, although we asked for plain")
    return {name.lower(): value for name, value in response.headers.items()}


def _read(response: Any, bounds: Limits, deadline: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        if time.monotonic() >= deadline:
            raise TimeoutError
        part = response.read(64 * 1024, decode_content=False)
        if not part:
            return b"".join(parts)
        size += len(part)
        if size > bounds.max_answer:
            raise ValueError("the answer is too large")
        parts.append(part)


def _left(deadline: float) -> float:
    return max(0.001, deadline - time.monotonic())
