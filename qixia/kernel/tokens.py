"""Signed texts: short tokens for our own server (HMAC) and vouchers that a phone can verify offline (Ed25519).

A token carries a purpose, so one made for a picture never opens a door. Times are whole seconds UTC. After a rotation of
the master key, tokens made before it hold while the old key is at hand; the offline key pair never changes.
Errors: BadToken for everything that is wrong with one; the reason is for logs, not for the user.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from qixia.kernel import clock
from qixia.kernel.keys import keys

_MAC = 16
_SIGNATURE = 64


class BadToken(Exception):
    """Forged, cut, expired, or made for something else."""


def sign(payload: dict[str, Any], *, purpose: str, ttl_s: int | None = None, expires_at: int | None = None) -> str:
    """A token that `verify` accepts until it expires: after `ttl_s` seconds, or at `expires_at` (epoch seconds)."""
    if ttl_s is not None:
        expires_at = int(clock.now().timestamp()) + ttl_s
    body = json.dumps([expires_at, payload], separators=(",", ":"), ensure_ascii=False).encode()
    return b64(body + _mac(body, purpose))


def verify(token: str, *, purpose: str) -> dict[str, Any]:
    raw = unb64(token)
    body, mac = raw[:-_MAC], raw[-_MAC:]
    if not any(hmac.compare_digest(mac, _mac_with(key, body)) for key in keys().derive_all(f"token:{purpose}")):
        raise BadToken("signature")
    expires_at, payload = json.loads(body)
    if expires_at is not None and expires_at < clock.now().timestamp():
        raise BadToken("expired")
    if not isinstance(payload, dict):
        raise BadToken("shape")
    return payload


def _mac(body: bytes, purpose: str) -> bytes:
    return _mac_with(keys().derive(f"token:{purpose}"), body)


def _mac_with(key: bytes, body: bytes) -> bytes:
    return hmac.new(key, body, hashlib.sha256).digest()[:_MAC]


def sign_offline(payload: bytes, *, purpose: str) -> bytes:
    """`payload` followed by its 64-byte Ed25519 signature."""
    return payload + _private(purpose).sign(payload)


def verify_offline(signed: bytes, *, public: bytes) -> bytes:
    """The payload of `signed`; needs only the public key, so a merchant's phone can do the same."""
    payload, signature = signed[:-_SIGNATURE], signed[-_SIGNATURE:]
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, payload)
    except (InvalidSignature, ValueError) as error:
        raise BadToken("signature") from error
    return payload


def public_key(purpose: str) -> bytes:
    """32 raw bytes."""
    return _private(purpose).public_key().public_bytes_raw()


def _private(purpose: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(keys().lasting(f"ed25519:{purpose}"))


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadToken("encoding") from error
