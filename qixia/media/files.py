"""Where pictures lie on disk: the only module that touches the media directory.

Layout   incoming/<random>.part while a file is written; originals/abc/<name>; copies/abc/<name>.<size>.webp.
         <name> is random (no date, no owner, no extension) and abc its first three characters: 4,096 folders.
Truth    the rows of `media.Evidence`. A file without a row is garbage that `services.sweep` removes.
Writes   temp file in the same file system, fsync, rename, fsync of the folder: a name under originals/ or copies/ always
         holds a whole file, and after a power cut too. A killed writer leaves only a .part.
Errors   OSError as it comes (disk full, no right): nothing is left behind but a .part at worst.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from qixia.kernel.config import get_config
from qixia.media.sniff import Buffer

SHARDS = 4096
_SHARD_CHARS = 3
_MODE = 0o600


@dataclass(frozen=True, slots=True)
class Written:
    """A finished temp file, not yet under its final name."""

    path: Path
    sha256: str
    size: int


def new_name() -> str:
    """32 hex characters, 128 random bits."""
    return secrets.token_hex(16)


def original_path(name: str) -> Path:
    return get_config().media / "originals" / name[:_SHARD_CHARS] / name


def copy_path(name: str, size: str) -> Path:
    return get_config().media / "copies" / name[:_SHARD_CHARS] / f"{name}.{size}.webp"


def write_temp(chunks: Iterable[bytes], *, max_bytes: int) -> Written | None:
    """Write `chunks` to a temp file while hashing. None, and no file, as soon as there is more than `max_bytes`."""
    path = _incoming() / f"{new_name()}.part"
    digest, size = hashlib.sha256(), 0
    try:
        with _create(path) as file:
            for chunk in chunks:
                size += len(chunk)
                if size > max_bytes:
                    break
                digest.update(chunk)
                file.write(chunk)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    if size > max_bytes:
        path.unlink(missing_ok=True)
        return None
    return Written(path, digest.hexdigest(), size)


@contextmanager
def mapped(path: Path) -> Iterator[Buffer]:
    """The bytes of a file without copying them."""
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            yield b""
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield data


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
    moves = []
    for size, content in copies.items():
        written = write_temp([content], max_bytes=len(content))
        assert written is not None
        moves.append((written.path, copy_path(name, size)))
    settle(moves)


def read_original(name: str) -> bytes:
    """The bytes as they came. FileNotFoundError if they are gone."""
    return original_path(name).read_bytes()


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
