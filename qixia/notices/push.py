"""Web push as browsers know it: encrypted for one device (RFC 8291), signed by us (RFC 8292), sent by the guarded client.

The push service sees who sends, to which device, how large, and when; neither words nor links.
Errors   Gone: the browser gave the subscription up. NotTaken, Refused, Unreachable as in qixia.outgoing.
Retries  none here. Never inside a transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import http_ece
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02

from qixia.kernel import clock
from qixia.kernel.tokens import BadToken, b64, unb64
from qixia.outgoing import rules
from qixia.outgoing.client import Limits, send
from qixia.outgoing.messengers import NotTaken
from qixia.outgoing.rules import Refused

LIMITS: Final = Limits(connect_s=4, total_s=10, max_answer=64 * 1024)
KEEP_S: Final = 24 * 3600  # how long a push service keeps it for a phone that is off
_SIGNED_FOR_S: Final = 12 * 3600  # at most a day by the RFC
_POINT, _AUTH = 65, 16


class Gone(Exception):
    """The subscription is no more."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """What signs our pushes: the public half as browsers take it (base64url), the private number."""

    public: str
    private: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Address:
    """One browser: where to post, and the two secrets that it made for us."""

    endpoint: str = field(repr=False)
    p256dh: str = field(repr=False)
    auth: str = field(repr=False)


def new_key_pair() -> KeyPair:
    private = ec.generate_private_key(ec.SECP256R1())
    point = private.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return KeyPair(b64(point), private.private_numbers().private_value.to_bytes(32, "big"))


def check(address: Address) -> str:
    """The host of a subscription that can be used. Refused says what is wrong with it."""
    target = rules.parse(address.endpoint)
    try:
        point, auth = _bytes(address.p256dh), _bytes(address.auth)
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except (ValueError, BadToken) as error:
        raise Refused(why="浏览器给的钥匙不对") from error
    if len(point) != _POINT or len(auth) != _AUTH:
        raise Refused(why="浏览器给的钥匙不对")
    return target.host


def post(address: Address, key: KeyPair, message: bytes, *, topic: str, contact: str, urgent: bool) -> str:
    """Hand one message to the push service; returns its name for the message, if it has one.

    `topic`: of several with one topic a phone that was off gets the last, so a repetition is shown once.
    """
    body = http_ece.encrypt(
        message,
        private_key=ec.generate_private_key(ec.SECP256R1()),
        dh=_bytes(address.p256dh),
        auth_secret=_bytes(address.auth),
        version="aes128gcm",
    )
    headers = {
        **_signature(address.endpoint, key, contact),
        "content-encoding": "aes128gcm",
        "content-type": "application/octet-stream",
        "ttl": str(KEEP_S),
        "topic": topic,
        "urgency": "high" if urgent else "normal",
    }
    answer = send("POST", address.endpoint, purpose="notices.push", headers=headers, body=body, limits=LIMITS)
    _judge(answer.status, answer.headers.get("retry-after", ""))
    return urlsplit(answer.headers.get("location", "")).path.rsplit("/", 1)[-1][:80]


def _bytes(text: str) -> bytes:
    """Browsers write base64url without padding; some libraries add it."""
    return unb64(text.rstrip("="))


def _signature(endpoint: str, key: KeyPair, contact: str) -> dict[str, str]:
    target = rules.parse(endpoint)
    signer = Vapid02.from_raw(b64(key.private).encode())
    claims = {
        "aud": f"{target.scheme}://{target.netloc}",
        "exp": int(clock.now().timestamp()) + _SIGNED_FOR_S,
        "sub": contact,
    }
    signed: dict[str, str] = signer.sign(claims)
    return signed


def _judge(status: int, retry_after: str) -> None:
    if status in (404, 410):
        raise Gone
    if status == 429 or status >= 500:
        raise NotTaken(f"HTTP {status}", wait_s=int(retry_after) if retry_after.isdigit() else 0)
    if not 200 <= status < 300:
        raise Refused(why=f"HTTP {status}")
