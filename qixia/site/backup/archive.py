"""The archive: an uncompressed tar of the database, the pictures, and a manifest that comes last.

Truth    `manifest.json` names every other member with its size and SHA-256. A file that ends early has no manifest.
Writes   to `.<name>.<random>.part` beside the target, synced, renamed, folder synced: under its final name an archive is
         whole. A killed writer leaves only .part files, which the next backup into that folder removes after a day.
Reading  takes regular files under plain relative names that the manifest lists, and nothing else: no links, no "..".
Errors   BadArchive says what is wrong with it. OSError as it comes; nothing is left under the final name.
Units    bytes; times are UTC.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "database"
MEDIA = "media"
CHUNK = 1 << 20
LEFTOVER_S = 86_400
_MODE = 0o600
_NAME = re.compile(r"(?:database|media(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+)\Z")
_MANIFEST_MAX = 256 << 20


class BadArchive(Exception):
    """The archive is not whole, not ours, or holds what it must not."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the archive holds and what it takes to use it.

    `counts` are the rows of each table at the moment of the snapshot; `parts` member → [bytes, SHA-256]; `key_ids` the
    fingerprints of the master keys that open what is sealed in it, the one in force first; `lasting_id` that of the root
    of its indexes; `missing` pictures named by a row but not on disk.
    """

    engine: str
    made_at: str
    version: str
    key_ids: list[str]
    lasting_id: str
    migrations: list[list[str]]
    counts: dict[str, int]
    missing: list[str] = field(default_factory=list)
    parts: dict[str, list[Any]] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def rows(self) -> int:
        return sum(self.counts.values())

    @property
    def files(self) -> int:
        return len(self.parts) - 1

    @classmethod
    def parse(cls, content: bytes) -> Manifest:
        try:
            found = cls(**json.loads(content))
        except (TypeError, ValueError) as error:
            raise BadArchive("its manifest can't be read") from error
        if found.format != FORMAT:
            raise BadArchive(f"it has format {found.format}; this release reads format {FORMAT}")
        wrong = [name for name in found.parts if not _NAME.match(name)]
        if wrong or DATABASE not in found.parts:
            raise BadArchive(f"its manifest names {wrong[0]!r}" if wrong else "it holds no database")
        return found


class Writer:
    """Adds parts to an archive that is being written."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self.tar = tar
        self.parts: dict[str, list[Any]] = {}

    def add(self, name: str, path: Path) -> bool:
        """Copy a file into the archive; False if it is not there."""
        try:
            source = path.open("rb")
        except FileNotFoundError:
            return False
        with source:
            size = os.fstat(source.fileno()).st_size
            digest = _Digest(source)
            self.tar.addfile(_member(name, size), digest)  # type: ignore[arg-type]
        self.parts[name] = [size, digest.hexdigest()]
        return True

    def finish(self, manifest: Manifest) -> None:
        content = json.dumps(asdict(manifest) | {"parts": self.parts}, indent=1).encode()
        reader = _Digest(None, content)
        self.tar.addfile(_member(MANIFEST, len(content)), reader)  # type: ignore[arg-type]


class _Digest:
    """A file to read from that hashes what goes by."""

    def __init__(self, file: IO[bytes] | None, content: bytes = b"") -> None:
        self.file = file
        self.content = content
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        if self.file is None:
            chunk, self.content = self.content[:size], self.content[size:]
        else:
            chunk = self.file.read(size)
        self.digest.update(chunk)
        return chunk

    def hexdigest(self) -> str:
        return self.digest.hexdigest()


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, _MODE, int(time.time())
    return member


@contextmanager
def writing(target: Path) -> Iterator[tuple[Writer, Path]]:
    """A new archive and a scratch folder beside it. The archive gets its name at the end, if all went well."""
    mark = f".{target.name}.{secrets.token_hex(4)}"
    part, scratch = target.parent / f"{mark}.tar.part", target.parent / f"{mark}.d.part"
    try:
        scratch.mkdir(mode=0o700)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE), "wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                yield Writer(tar), scratch
            file.flush()
            os.fsync(file.fileno())
        part.rename(target)
        sync_folder(target.parent)
    finally:
        part.unlink(missing_ok=True)
        remove_folder(scratch)


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_folder(folder: Path) -> None:
    """A scratch folder, which holds files only."""
    for path in folder.glob("*"):
        path.unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        folder.rmdir()


def remove_leftovers(folder: Path) -> None:
    """What killed backups left in `folder` more than a day ago."""
    for path in folder.glob(".qixia-*.part"):
        if path.stat().st_mtime < time.time() - LEFTOVER_S:
            remove_folder(path) if path.is_dir() else path.unlink(missing_ok=True)


def verify(path: Path) -> Manifest:
    """Read the whole archive and compare it with its manifest."""
    found: dict[str, list[Any]] = {}
    manifest: Manifest | None = None
    with _to_the_end():
        for member, source in _members(path):
            if member.name == MANIFEST:
                manifest = Manifest.parse(source.read(_MANIFEST_MAX))
            else:
                found[member.name] = [member.size, _digest_of(source)]
    if manifest is None:
        raise BadArchive("it has no manifest: it was not finished, or it is no backup")
    for name in manifest.parts.keys() | found.keys():
        if manifest.parts.get(name) != found.get(name):
            raise BadArchive(f"{name} is not what was written (size or SHA-256 differ)")
    return manifest


def extract(path: Path, manifest: Manifest, database: Path, media: Path) -> None:
    """Write the database to `database` and the pictures under `media`, durably, comparing again on the way.

    Both must be new names; what an extraction that failed has written is the caller's to remove.
    """
    folders = {media}
    with _to_the_end():
        for member, source in _members(path):
            if member.name == MANIFEST:
                continue
            target = database if member.name == DATABASE else media / member.name.removeprefix(f"{MEDIA}/")
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            folders.add(target.parent)
            if manifest.parts.get(member.name) != [member.size, _write_out(source, target)]:
                raise BadArchive(f"{member.name} changed while it was read")
    media.mkdir(parents=True, exist_ok=True, mode=0o700)
    for folder in folders:
        sync_folder(folder)


def _write_out(source: IO[bytes], target: Path) -> str:
    """Copy to a new file, durably; returns the SHA-256."""
    digest = hashlib.sha256()
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE), "wb") as file:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


@contextmanager
def _to_the_end() -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, EOFError) as error:
        raise BadArchive(f"it can't be read to its end: {error}") from error


def _members(path: Path) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    """Members in order, refusing everything that a backup never holds."""
    seen: set[str] = set()
    with tarfile.open(path, mode="r|") as tar:
        for member in tar:
            _refuse_odd(member, seen)
            seen.add(member.name)
            source = tar.extractfile(member)
            assert source is not None  # a regular file
            yield member, source


def _refuse_odd(member: tarfile.TarInfo, seen: set[str]) -> None:
    plain = member.name == MANIFEST or bool(_NAME.match(member.name))
    if not (member.isreg() and plain) or member.name in seen:
        raise BadArchive(f"it holds {member.name!r}, which no backup does")
    try:
        tarfile.data_filter(member, "/nowhere")  # Python's own list of dangers, besides ours
    except tarfile.FilterError as error:
        raise BadArchive(f"it holds {member.name!r}: {error}") from error


def _digest_of(source: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := source.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()
