"""Encryption of personal fields and files: a master key outside the database, everything else derived or wrapped by it.

Truth    the master key is a file of 32 random bytes in base64 (`Config.key_file`), never in the database or its backup.
         Beside it lie, after a rotation, `old/<key id>.key` and `index.key`; docs/adr/0012 says why.
Sealing  AES-256-GCM with a random 96-bit nonce; the purpose is authenticated, so a value moved to another column
         does not open. Each value begins with the id of its master key, so values under old keys open while their files
         are there. A person's fields use a data key of their own that is stored wrapped: destroy the wrapped key
         and the fields are gone; in backups once those that still hold the wrapped key have expired.
Index    a keyed hash (HMAC-SHA-256) finds a phone number without storing it. Low entropy makes it a secret of the key.
         Its key outlives rotations: else nobody would be found by a number any more.
Retries  a process sees changed key files within 5 seconds, and at once when it meets a value under a new key.
Errors   MissingKey: no start. BadSeal: wrong key, purpose or a changed byte.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from qixia.kernel.config import get_config
from qixia.kernel.errors import NotConfigured

_NONCE = 12
_MARK: Final = b"\x51"  # begins a value that names its key; one without (from before) begins with its random nonce
_ID_BYTES = 4
_HEAD = len(_MARK) + _ID_BYTES
_LOOK_EVERY_S = 5.0


class MissingKey(NotConfigured):
    """There is no readable master key where the settings say."""


class BadSeal(Exception):
    """A sealed value does not open with this key and purpose."""


class _Master:
    """One master key. What it signs and what it seals have roots of their own: neither says anything of the other."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != 32:
            raise MissingKey("the master key must be 32 bytes")
        self.root = _extract(b"qixia", secret)
        sealing = _extract(b"qixia:sealing", secret)
        self.id = _expand(sealing, "id", _ID_BYTES)
        self.seal = _expand(sealing, "seal")
        self.wrap = _expand(sealing, "wrap")


class Keys:
    """All uses of the master keys: the current one, old ones for reading, and the root of what never changes.

    `lasting` is the first master key's root. Without it the current key is the first.
    """

    def __init__(self, master: bytes, *, old: Iterable[bytes] = (), lasting: bytes | None = None) -> None:
        self._by_id = {known.id: known for known in map(_Master, dict.fromkeys((master, *old)))}
        self._masters = list(self._by_id.values())
        self._current = self._masters[0]
        self._lasting = lasting or self._current.root
        self._derived: dict[tuple[bytes, str, int], bytes] = {}
        self.path: Path | None = None  # where they were loaded from
        self.look: tuple[object, ...] = ()  # and what the files looked like then

    @classmethod
    def load(cls, path: Path) -> Keys:
        """The keys in the files at and beside `path`."""
        look = _look(path)
        master, mark = _read_key(path)
        old = [_read_key(file)[0] for file in _old_files(path)]
        found = cls(master, old=old)
        lasting = found._read_lasting(index_path(path))
        if lasting is None and (mark or old):
            raise MissingKey(f"{index_path(path)} is missing: without it nobody is found by a phone number any more")
        if lasting is not None and mark and mark != _fingerprint(lasting):
            raise MissingKey(f"{index_path(path)} does not belong to the master key beside it")
        if lasting is not None:
            found = cls(master, old=old, lasting=lasting)
        found.path, found.look = path, look
        return found

    def _read_lasting(self, path: Path) -> bytes | None:
        try:
            lines = path.read_text().split()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise MissingKey(f"{path} cannot be read: {error}") from error
        for line in lines:  # the same root, wrapped once for each master key that may be in force
            try:
                return self.unwrap(base64.b64decode(line, validate=True))
            except (BadSeal, ValueError):
                continue
        raise MissingKey(f"{path} does not open with the master key beside it")

    @property
    def key_id(self) -> str:
        """Eight hex characters that name the current master key and say nothing of it."""
        return self._current.id.hex()

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The current master key first, then the old ones that are still at hand."""
        return tuple(known.id.hex() for known in self._masters)

    def derive(self, purpose: str, length: int = 32) -> bytes:
        """Key material for one purpose; another one after a rotation."""
        return self._derive(self._current.root, purpose, length)

    def derive_all(self, purpose: str, length: int = 32) -> list[bytes]:
        """The same of every master key at hand, the current one first: what was signed before a rotation still holds."""
        return [self._derive(known.root, purpose, length) for known in self._masters]

    def lasting(self, purpose: str, length: int = 32) -> bytes:
        """Key material for one purpose that stays the same for ever."""
        return self._derive(self._lasting, purpose, length)

    def _derive(self, root: bytes, purpose: str, length: int) -> bytes:
        known = self._derived.get((root, purpose, length))
        if known is None:
            known = self._derived[(root, purpose, length)] = _expand(root, purpose, length)
        return known

    def seal(self, plain: bytes, *, purpose: str) -> bytes:
        return _MARK + self._current.id + seal_with(self._current.seal, plain, purpose=purpose)

    def open(self, sealed: bytes, *, purpose: str) -> bytes:
        return self._open(bytes(sealed), "seal", purpose)

    def wrap(self, data_key: bytes) -> bytes:
        return _MARK + self._current.id + seal_with(self._current.wrap, data_key, purpose="data-key")

    def unwrap(self, wrapped: bytes) -> bytes:
        return self._open(bytes(wrapped), "wrap", "data-key")

    def _open(self, sealed: bytes, use: str, purpose: str) -> bytes:
        named = sealed[len(_MARK) : _HEAD] if sealed.startswith(_MARK) else b""
        known = self._by_id.get(named)
        if known is not None:
            try:
                return open_with(getattr(known, use), sealed[_HEAD:], purpose=purpose)
            except BadSeal:
                pass  # one value in 2⁴⁰ from before the mark looks like this by chance
        for master in self._masters:
            try:
                return open_with(self._derive(master.root, use, 32), sealed, purpose=purpose)
            except BadSeal:
                continue
        newer = _renewed(self) if named and known is None else self
        if newer is self:
            raise BadSeal("does not open")
        return newer._open(sealed, use, purpose)

    def id_of(self, sealed: bytes) -> str:
        """The id of the master key that a sealed or wrapped value names; "" for one from before values named it."""
        sealed = bytes(sealed)
        named = sealed[len(_MARK) : _HEAD]
        return named.hex() if sealed.startswith(_MARK) and len(named) == _ID_BYTES else ""

    def blind_index(self, text: str, *, purpose: str) -> str:
        """40 hex characters that are equal for equal texts, for ever, and say nothing without the key."""
        return self.keyed_digest(text.encode(), purpose=f"index:{purpose}")[:40]

    def keyed_digest(self, content: bytes, *, purpose: str) -> str:
        """64 hex characters of HMAC-SHA-256 under a lasting key."""
        return hmac.digest(self.lasting(purpose), content, "sha256").hex()


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


def _extract(salt: bytes, secret: bytes) -> bytes:
    """The first half of HKDF-SHA-256 (RFC 5869); `_expand` is the second."""
    return hmac.new(salt, secret, hashlib.sha256).digest()


def _expand(root: bytes, purpose: str, length: int = 32) -> bytes:
    return HKDFExpand(algorithm=hashes.SHA256(), length=length, info=purpose.encode()).derive(root)


def _fingerprint(root: bytes) -> str:
    return _expand(root, "id", _ID_BYTES).hex()


# ── key files ───────────────────────────────────────────────────────────────────────────────────────────────────────


def index_path(path: Path) -> Path:
    """The root of what lasts, wrapped; there from the first rotation on."""
    return path.with_name("index.key")


def old_path(path: Path, key_id: str) -> Path:
    return path.parent / "old" / f"{key_id}.key"


def next_path(path: Path) -> Path:
    """The key that a rotation was about to put in force when it was killed."""
    return path.with_name(path.name + ".next")


def make_key_file(path: Path) -> None:
    """Write a new master key that only its owner may read; never overwrites one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write(path, _as_text(os.urandom(32)))


def rotate_key_files(path: Path) -> str:
    """Put a new master key in force and keep the one before in `old`; returns the new key's id.

    Whole files and renames only: killed anywhere and run again, it ends with one new key. Values stay under the keys
    that they name until something seals them anew.
    """
    ring = Keys.load(path)
    coming = next_path(path)
    if not coming.exists():
        _put(coming, _as_text(os.urandom(32), mark=_fingerprint(ring._lasting)))
    new = Keys(_read_key(coming)[0])
    lines = [base64.b64encode(one.wrap(ring._lasting)).decode() for one in (new, ring)]
    _put(index_path(path), "\n".join(lines) + "\n")  # opens before and after the last step
    old = old_path(path, ring.key_id)
    old.parent.mkdir(exist_ok=True, mode=0o700)
    _put(old, path.read_text())
    os.replace(coming, path)
    _sync(path.parent)
    return new.key_id


def forget_key_file(path: Path, key_id: str) -> None:
    """Remove an old key. What is still sealed under it is lost: the caller has looked."""
    old_path(path, key_id).unlink()
    ring = Keys.load(path)
    if index_path(path).exists():
        _put(index_path(path), base64.b64encode(ring.wrap(ring._lasting)).decode() + "\n")
    _sync(path.parent / "old")


def _read_key(path: Path) -> tuple[bytes, str]:
    """A master key and the fingerprint of the lasting root that it goes with ("" for one made by hand)."""
    try:
        words = path.read_text().split()
        return base64.b64decode(words[0] if words else "", validate=True), words[1] if len(words) > 1 else ""
    except (OSError, ValueError) as error:
        raise MissingKey(f"no usable master key at {path}: {error}") from error


def _old_files(path: Path) -> Iterator[Path]:
    return iter(sorted((path.parent / "old").glob("*.key")))


def _as_text(secret: bytes, mark: str = "") -> str:
    return base64.b64encode(secret).decode() + "\n" + (f"{mark}\n" if mark else "")


def _put(path: Path, text: str) -> None:
    """Write a whole file under a name that may exist."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    _write(draft, text)
    os.replace(draft, path)
    _sync(path.parent)


def _write(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# ── the keys of this installation ───────────────────────────────────────────────────────────────────────────────────


class _Kept:
    """The loaded keys and when their files were last looked at."""

    keys: Keys | None = None
    at = 0.0


def keys() -> Keys:
    """The keys of this installation. MissingKey if the settings name none."""
    kept, now = _Kept.keys, time.monotonic()
    if kept is None:
        kept = _Kept.keys = Keys.load(get_config().key_file)
        _Kept.at = now
    elif now - _Kept.at >= _LOOK_EVERY_S:
        _Kept.at = now  # first: other threads need not look too
        kept = _Kept.keys = _renewed(kept)
    return kept


def renew() -> None:
    """Look at the files at the next use."""
    _Kept.keys = None


def _renewed(known: Keys) -> Keys:
    """`known`, or the keys as their files are now if these changed. Files that can't be read just now change nothing."""
    path = known.path
    if path is None or known.look == _look(path):
        return known
    try:
        return Keys.load(path)
    except MissingKey:
        return known


def _look(path: Path) -> tuple[object, ...]:
    """What the key files look like from outside."""
    found = []
    for file in (path, index_path(path), *_old_files(path)):
        try:
            facts = file.stat()
        except OSError:
            continue
        found.append((file.name, facts.st_ino, facts.st_mtime_ns, facts.st_size))
    return tuple(found)
