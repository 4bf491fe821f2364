"""Which addresses may be called: pure decisions about text and numbers, nothing is resolved or sent here.

Rule     HTTPS on port 443 to a public address. Everything else needs a line in the administrators' list.
Doubt    is refused: an address that two programs could read in two ways is not sent to either.
Errors   Refused with a stable code; the message is for an administrator and never holds the path or query, because the
         addresses of group robots are secrets.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from qixia.kernel.errors import DomainError

PORTS: Final = {"http": 80, "https": 443}
URL_MAX: Final = 2048
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
# IPv6 addresses that carry an IPv4 address at some bit: what counts is where the packet ends.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
# Not marked in Python's tables of every supported version.
_MORE_PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in ("100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "64:ff9b:1::/48")
)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Refused(DomainError):
    """The address must not be called."""

    code = "outgoing.refused"
    status = 422
    message = "这个地址不能访问：%(why)s"


class Unreachable(DomainError):
    """It may be called and did not answer properly; trying again may help."""

    code = "outgoing.unreachable"
    status = 502
    message = "对方没有正常回应：%(why)s"


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed address. `host` is ASCII in small letters, without brackets."""

    scheme: str
    host: str
    port: int
    path: str  # with query

    @property
    def netloc(self) -> str:
        """As it stands in the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Permit:
    """What the administrators' list says about a target."""

    listed: bool = False
    private: bool = False
    redirects: bool = False


def parse(url: str) -> Target:
    """The parts of an address; Refused where programs read it differently."""
    if (
        len(url) > URL_MAX
        or not url.isascii()
        or any(ord(letter) <= 32 or letter in '\\\x7f"<>^`{|}' for letter in url)
    ):
        raise _refuse("地址里有不允许的字符")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _refuse("地址写法不对") from error
    if parts.scheme not in PORTS:
        raise _refuse("只能用 http 或 https")
    if "@" in parts.netloc:
        raise _refuse("地址里不能带用户名")
    host = _host(parts.hostname or "")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, PORTS[parts.scheme] if port is None else port, path)


def _host(text: str) -> str:
    """A name or an address in its one usual form. Numbers such as 127.1 or 0x7f000001 are names to us and fail here."""
    name = text.lower().removesuffix(".")
    if ":" in name and "%" not in name:  # a zone ("%eth0") means something on one machine only
        try:
            return str(ipaddress.IPv6Address(name))
        except ValueError as error:
            raise _refuse("主机地址写法不对") from error
    if not name or len(name) > 253 or not _NAME.fullmatch(name):
        raise _refuse("主机名写法不对")
    if name.rsplit(".", 1)[-1][0].isdigit():  # no top-level domain begins with a digit, so this is an address
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError as error:
            raise _refuse("主机地址写法不对") from error
    return name


def check(target: Target, permit: Permit) -> None:
    """Refused unless the scheme and port are the usual ones or the list names them."""
    if permit.listed:
        return
    if target.scheme != "https":
        raise _refuse("没有加密（只允许 https）")
    if target.port != PORTS["https"]:
        raise _refuse("端口不在名单里")


def check_address(address: str, permit: Permit) -> None:
    """Refused if a resolved address is not a public one, unless the list allows private ones for this target."""
    if not permit.private and not is_public(ipaddress.ip_address(address)):
        raise _refuse("它指向内部网络")


def is_public(address: Address) -> bool:
    """Whether a packet to it leaves for the public internet."""
    inner = _embedded(address)
    if inner is not None:
        return is_public(inner)
    if any(address.version == network.version and address in network for network in _MORE_PRIVATE):
        return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    )


def _embedded(address: Address) -> Address | None:
    """The IPv4 address inside an IPv6 address, or None."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 0xFFFF):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _refuse(why: str) -> Refused:
    return Refused(why=why)
