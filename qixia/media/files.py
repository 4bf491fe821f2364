"""Where pictures lie on disk: the only module that touches the media directory.

Secrecy  what came from a phone is written sealed, in incoming/ too (see `sealed`); copies are plain: they are redacted.
Layout   incoming/<random>.part while a file is written; originals/abc/<name>; copies/abc/<name>.<size>.webp.
         <name> is random (no date, no owner, no extension) and abc its first three characters: 4,096 folders.
Truth    the rows of `media.Evidence`. A file without a row is garbage that `services.sweep` removes.
Writes   temp file in the same file system, fsync, rename, fsync of the folder: a name under originals/ or copies/ always
         holds a whole file, and after a power cut too. A killed writer leaves only a .part.
Errors   OSError as it comes (disk full, no right): nothing is left behind but a .part at worst. sealed.Damaged: an original
         is not as it was written.
"""

from __future__ import annotations

import io
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import BinaryIO, cast

from qixia.kernel.config import get_config
from qixia.media.sealed import FRAME, Sealer, Unsealer, write_all

SHARDS = 4096
_SHARD_CHARS = 3
_MODE = 0o600


@dataclass(frozen=True, slots=True)
class Written:
    """A finished sealed file, not yet under its final name. `size` counts content, `stored` the file."""

    path: Path
    key: bytes = field(repr=False)
    digest: str
    size: int
    stored: int


class Draft:
    """A sealed temp file in the making: `write`, then `finish` or `drop`; dropped when it is forgotten unfinished."""

    def __init__(self) -> None:
        self.path = _incoming() / f"{new_name()}.part"
        self._file = _create(self.path)
        try:
            self._sealer = Sealer(self._file)
        except BaseException:
            self.drop()
            raise

    @property
    def size(self) -> int:
        return self._sealer.size

    def write(self, chunk: bytes) -> None:
        self._sealer.write(chunk)

    def finish(self) -> Written:
        """Close the file; on an error it is gone."""
        try:
            digest = self._sealer.finish()
            self._file.close()
        except BaseException:
            self.drop()
            raise
        return Written(self.path, self._sealer.key, digest, self._sealer.size, self._sealer.stored)

    def drop(self) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)

    def __del__(self) -> None:
        file = getattr(self, "_file", None)
        if file is not None and not file.closed:  # Django tells nobody when a request breaks off
            self.drop()


def new_name() -> str:
    """32 hex characters, 128 random bits."""
    return secrets.token_hex(16)


def original_path(name: str) -> Path:
    return get_config().media / "originals" / name[:_SHARD_CHARS] / name


def copy_path(name: str, size: str) -> Path:
    return get_config().media / "copies" / name[:_SHARD_CHARS] / f"{name}.{size}.webp"


def write_temp(chunks: Iterable[bytes], *, max_bytes: int) -> Written | None:
    """Seal `chunks` into a temp file. None, and no file, as soon as there is more than `max_bytes`."""
    draft = Draft()
    try:
        for chunk in chunks:
            if draft.size + len(chunk) > max_bytes:
                draft.drop()
                return None
            draft.write(chunk)
    except BaseException:
        draft.drop()
        raise
    return draft.finish()


def settle(moves: Iterable[tuple[Path, Path]]) -> None:
    """Make temp files durable and give them their final names: all, or an OSError and none."""
    done: list[Path] = []
    pairs = list(moves)
    try:
        for temp, final in pairs:
            _sync(temp)
            _rename(temp, final)
            done.append(final)
        for folder in {final.parent for final in done}:
            _sync(folder)
    except BaseException:
        for path in (*done, *(temp for temp, _ in pairs)):
            path.unlink(missing_ok=True)
        raise


def write_copies(name: str, copies: dict[str, bytes]) -> None:
    """Write the sizes of one picture, whole or not at all each; writing them again changes nothing."""
    moves: list[tuple[Path, Path]] = []
    try:
        for size, content in copies.items():
            path = _incoming() / f"{new_name()}.part"
            moves.append((path, copy_path(name, size)))
            with _create(path) as file:
                write_all(file, content)
    except BaseException:
        remove(path for path, _ in moves)
        raise
    settle(moves)


def write_piece(path: Path, content: bytes) -> None:
    """A piece of a transfer, sealed by the caller: durable when this returns; writing it again replaces it."""
    temp = _incoming() / f"{new_name()}.part"
    try:
        with _create(temp) as file:
            write_all(file, content)
    except BaseException:
        remove([temp])
        raise
    settle([(temp, path)])


def read_original(name: str, key: bytes | None) -> bytes:
    """The content as it came. FileNotFoundError if it's gone. Without a key: a file from before files were sealed."""
    if key is None:
        return original_path(name).read_bytes()
    with Unsealer(original_path(name), key) as file:
        return b"".join(file.parts())


def open_original_stream(name: str, key: bytes | None) -> BinaryIO:
    """The same to be read piece by piece, seekable, about 128 KiB in memory. Close it."""
    if key is None:
        return original_path(name).open("rb")
    return _stream(original_path(name), key)


def sealed_stream(path: Path, key: bytes) -> BinaryIO:
    """The content of a sealed file that another package keeps. FileNotFoundError if it's gone. Close it."""
    return _stream(path, key)


def open_temp(written: Written) -> BinaryIO:
    """The content of a temp file that has no final name yet."""
    return _stream(written.path, written.key)


def _stream(path: Path, key: bytes) -> BinaryIO:
    return cast(BinaryIO, io.BufferedReader(Unsealer(path, key), FRAME))


def link_copies(source: str, target: str, sizes: Iterable[str]) -> None:
    """Give the copies of one picture a second name; a name that is there already stays."""
    for size in sizes:
        _link(copy_path(source, size), copy_path(target, size))


def _link(old: Path, new: Path) -> None:
    new.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):  # an earlier try got this far
        os.link(old, new)


def remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def stale_parts(older_than: float) -> list[Path]:
    """Temp files last written before the epoch second `older_than`: their writer was killed."""
    folder = get_config().media / "incoming"
    return [path for path in _files_in(folder) if path.stat().st_mtime < older_than]


def stored_files(kind: str, shard: int, older_than: float) -> dict[Path, str]:
    """File → picture name in one shard (0…4095) of "originals" or "copies", older than the epoch second."""
    folder = get_config().media / kind / f"{shard:03x}"
    return {path: path.name.partition(".")[0] for path in _files_in(folder) if path.stat().st_mtime < older_than}


def _files_in(folder: Path) -> list[Path]:
    try:
        return [Path(entry.path) for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False)]
    except FileNotFoundError:
        return []


def _incoming() -> Path:
    folder = get_config().media / "incoming"
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _create(path: Path) -> FileIO:
    return FileIO(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE), "wb")


def _rename(temp: Path, final: Path) -> None:
    """Rename; the folder is made the first time that it's needed, and made durable itself."""
    try:
        temp.rename(final)
    except FileNotFoundError:
        if final.parent.is_dir():
            raise
        final.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _sync(final.parent.parent)
        temp.rename(final)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
