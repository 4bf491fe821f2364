"""Encryption of personal fields: one master key outside the database, everything else derived or wrapped by it.

Truth    the master key is a file of 32 random bytes in base64 (`Config.key_file`), never in the database or its backup.
Sealing  AES-256-GCM with a random 96-bit nonce; the purpose is authenticated, so a value moved to another column
         does not open. A person's fields use a data key of their own that is stored wrapped: destroy the wrapped key
         and the fields are gone, in backups too (crypto-erasure).
Index    a keyed hash (HMAC-SHA-256) finds a phone number without storing it. Low entropy makes it a secret of the key.
Errors   MissingKey: no start. BadSeal: wrong key, purpose or a changed byte.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from qixia.kernel.config import get_config
from qixia.kernel.errors import NotConfigured

_NONCE = 12


class MissingKey(NotConfigured):
    """There is no readable master key where the settings say."""


class BadSeal(Exception):
    """A sealed value does not open with this key and purpose."""


class Keys:
    """All uses of one master key."""

    def __init__(self, master: bytes) -> None:
        if len(master) != 32:
            raise MissingKey("the master key must be 32 bytes")
        self._master = master
        self._derived: dict[tuple[str, int], bytes] = {}

    @classmethod
    def load(cls, path: Path) -> Keys:
        try:
            return cls(base64.b64decode(path.read_text().strip(), validate=True))
        except (OSError, ValueError) as error:
            raise MissingKey(f"no usable master key at {path}: {error}") from error

    def derive(self, purpose: str, length: int = 32) -> bytes:
        """Key material for one purpose (HKDF-SHA-256)."""
        known = self._derived.get((purpose, length))
        if known is None:
            hkdf = HKDF(algorithm=hashes.SHA256(), length=length, salt=b"qixia", info=purpose.encode())
            known = self._derived[(purpose, length)] = hkdf.derive(self._master)
        return known

    def seal(self, plain: bytes, *, purpose: str) -> bytes:
        return seal_with(self.derive("seal"), plain, purpose=purpose)

    def open(self, sealed: bytes, *, purpose: str) -> bytes:
        return open_with(self.derive("seal"), sealed, purpose=purpose)

    def wrap(self, data_key: bytes) -> bytes:
        return seal_with(self.derive("wrap"), data_key, purpose="data-key")

    def unwrap(self, wrapped: bytes) -> bytes:
        return open_with(self.derive("wrap"), wrapped, purpose="data-key")

    def blind_index(self, text: str, *, purpose: str) -> str:
        """40 hex characters that are equal for equal texts and say nothing without the key."""
        return hmac.new(self.derive(f"index:{purpose}"), text.encode(), hashlib.sha256).hexdigest()[:40]


def new_data_key() -> bytes:
    return os.urandom(32)


def seal_with(key: bytes, plain: bytes, *, purpose: str) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plain, purpose.encode())


def open_with(key: bytes, sealed: bytes, *, purpose: str) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], purpose.encode())
    except (InvalidTag, ValueError) as error:
        raise BadSeal("does not open") from error


def make_key_file(path: Path) -> None:
    """Write a new master key that only its owner may read; never overwrites one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(base64.b64encode(os.urandom(32)).decode() + "\n")
        file.flush()
        os.fsync(file.fileno())


@lru_cache(maxsize=1)
def keys() -> Keys:
    """The keys of this installation. MissingKey if the settings name none."""
    return Keys.load(get_config().key_file)
