"""The secret that a phone keeps for an anonymous report, and the hash by which the server knows it.

Secret   32 random bytes as base64url without padding: 43 characters. It never leaves the phone before its rider asks
         for a status or for points.
Hash     SHA-256 of the 43 characters, in 64 small hex digits. Of 256 random bits a plain hash gives nothing away.
"""

from __future__ import annotations

import hashlib
import re

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_HASH = re.compile(r"[0-9a-f]{64}\Z")


def is_claim_hash(text: object) -> bool:
    return isinstance(text, str) and _HASH.match(text) is not None


def claim_hash(secret: object) -> str | None:
    """The hash of a secret; None for anything that is none."""
    if not isinstance(secret, str) or not _SECRET.match(secret):
        return None
    return hashlib.sha256(secret.encode()).hexdigest()
