"""How an original lies on disk: frames of AES-256-GCM under a key that no other file has.

Format   16 bytes of header: "QXE", version 1, frame size (4 bytes), 8 zeros. Then frames: 65,536 bytes of content and a
         16-byte tag each, the last one shorter. A frame's nonce is its number and whether it is the last, and the header
         is authenticated with each: frames can't be dropped, added, reordered, cut off or taken from another file.
Padding  the content is followed by 0x80 and zeros up to the next 16 KiB, so a file's size names no picture.
Key      32 random bytes, used for one writing only. `wrap_key` seals it for the row, bound to the file's name.
Memory   both ways a frame at a time.
Errors   Damaged for everything that is not as it was written, or not under this key. BadSeal: a wrapped key of another
         file or of a lost master key.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from qixia.kernel.keys import keys, new_data_key

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

FRAME: Final = 65_536
BLOCK: Final = 16_384  # FRAME is a multiple of it
_TAG: Final = 16
_MAGIC: Final = b"QXE\x01"
_HEADER: Final = _MAGIC + FRAME.to_bytes(4, "big") + bytes(8)
_PADDING: Final = b"\x80"


class Damaged(Exception):
    """The file is not what was written, or not under this key."""


class Sink(Protocol):
    """What a Sealer writes to; may take less than it is given, as a raw file does."""

    def write(self, data: bytes, /) -> int | None: ...


class Sealer:
    """Content in, frames out. `finish` once, at the end; without it the file opens for nobody."""

    def __init__(self, out: Sink) -> None:
        self.key = new_data_key()
        self.size = 0  # bytes of content so far
        self.stored = len(_HEADER)  # bytes on disk so far
        self._out, self._cipher, self._sha = out, AESGCM(self.key), hashlib.sha256()
        self._held, self._number = bytearray(), 0
        write_all(out, _HEADER)

    def write(self, chunk: bytes | memoryview) -> None:
        view = memoryview(chunk)
        self.size += len(view)
        self._sha.update(view)
        while len(view):
            if len(self._held) == FRAME:
                self._frame(self._held)
                self._held.clear()
            if not self._held and len(view) > FRAME:
                self._frame(view[:FRAME])
                view = view[FRAME:]
                continue
            room = FRAME - len(self._held)
            self._held += view[:room]
            view = view[room:]

    def finish(self) -> str:
        """Write the last frame; returns the content's digest."""
        if len(self._held) == FRAME:
            self._frame(self._held)
            self._held.clear()
        padded = bytes(self._held) + _PADDING
        self._frame(padded + bytes(-len(padded) % BLOCK), last=True)
        return digest_of(self._sha.hexdigest())

    def _frame(self, content: bytes | bytearray | memoryview, *, last: bool = False) -> None:
        sealed = self._cipher.encrypt(_nonce(self._number, last), content, _HEADER)
        write_all(self._out, sealed)
        self._number += 1
        self.stored += len(sealed)


def digest_of(sha256: str) -> str:
    """What stands in the database for a content with this SHA-256: equal for equal contents, no match without the key."""
    return keys().keyed_digest(sha256.encode(), purpose="media.digest")


def wrap_key(key: bytes, name: str) -> bytes:
    """A file's key for its row; opens for the file of this name only."""
    return keys().seal(key, purpose=_key_purpose(name))


def unwrap_key(wrapped: bytes | memoryview, name: str) -> bytes:
    return keys().open(bytes(wrapped), purpose=_key_purpose(name))


def _key_purpose(name: str) -> str:
    return f"media.original:{name}"


def is_sealed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


class Unsealer(io.RawIOBase):
    """The content of a sealed file, seekable, a frame in memory at a time. Close it."""

    def __init__(self, path: Path, key: bytes) -> None:
        super().__init__()
        self._file = path.open("rb", buffering=0)
        try:
            self._cipher = AESGCM(key)
            self._frames = self._count_frames()
            self._at, self._number, self._frame = 0, -1, b""
            last = self._load(self._frames - 1)
            self.size = (self._frames - 1) * FRAME + len(last)
        except BaseException:
            self._file.close()
            raise

    def _count_frames(self) -> int:
        body = os.fstat(self._file.fileno()).st_size - len(_HEADER)
        if self._file.read(len(_HEADER)) != _HEADER or body <= _TAG:
            raise Damaged("no sealed file")
        return -(-body // (FRAME + _TAG))

    def _load(self, number: int) -> bytes:
        """The content of one frame; that of the last without its padding."""
        if number == self._number:
            return self._frame
        last = number == self._frames - 1
        self._file.seek(len(_HEADER) + number * (FRAME + _TAG))
        try:
            plain = self._cipher.decrypt(_nonce(number, last), _read_all(self._file, FRAME + _TAG), _HEADER)
        except InvalidTag as error:
            raise Damaged(f"frame {number} does not open") from error
        if last:
            plain = plain.rstrip(b"\0").removesuffix(_PADDING)
        self._number, self._frame = number, plain
        return plain

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        if self._at >= self.size or not len(view):
            return 0
        number, start = divmod(self._at, FRAME)
        part = memoryview(self._load(number))[start : start + len(view)]
        view[: len(part)] = part
        self._at += len(part)
        return len(part)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("before the start")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def parts(self) -> Iterator[bytes]:
        """All content from the start, frame by frame."""
        for number in range(self._frames):
            yield self._load(number)

    def close(self) -> None:
        self._file.close()
        super().close()


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _read_all(file: io.FileIO, size: int) -> bytes:
    """A raw file may give less than it has."""
    parts = []
    while size and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def write_all(out: Sink, data: bytes) -> None:
    """A nearly full disk takes a part and says no to the next: without the loop the file would be short, and nobody told."""
    taken = out.write(data)
    while taken is not None and taken < len(data):
        data = data[taken:]
        taken = out.write(data)
