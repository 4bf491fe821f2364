"""`qixia backup`: one consistent archive while the installation goes on.

Order    first the database, then the pictures that its snapshot names. A picture's file is on the disk before its row
         and never changes under its name, so every row of the snapshot finds its file; younger files stay out.
Out      the keys, temp files and uploads that have not ended: a phone sends those again.
Errors   Refused (a key lies where it would be copied; the disk is full). The target appears only when all went well.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC
from pathlib import Path

from django.db import connection

from qixia.audit.services import record
from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.site.backup import archive, fingerprints, mark, postgresql
from qixia.site.backup import sqlite as sqlite_database
from qixia.site.backup.refusal import Refused
from qixia.site.backup.snapshot import Snapshot
from qixia.site.version import release

RESTORING, REPLACED = "restoring-", "replaced-"  # a restore's own folders among the pictures
_NOT_KEPT = ("incoming", RESTORING, REPLACED)
SUFFIX = ".qixia-backup.tar"


@dataclass(frozen=True, slots=True)
class Made:
    """A finished backup."""

    path: Path
    manifest: archive.Manifest
    bytes: int
    seconds: float


def make_backup(target: Path, *, keep: int = 0) -> Made:
    """Write a backup to `target`, or under a name with the time if that is a folder; keep the `keep` youngest there."""
    started = time.monotonic()
    path = target / f"qixia-{clock.now().astimezone(UTC):%Y%m%dT%H%M%SZ}{SUFFIX}" if target.is_dir() else target
    _refuse_target(path)
    refuse_keys_near(path.parent)
    archive.remove_leftovers(path.parent)
    try:
        manifest = _write(path)
    except (OSError, sqlite3.Error) as error:
        if is_full(error):
            raise Refused(f"The disk of {path.parent} is full. No backup was made; nothing was left there.") from error
        raise
    made = Made(path, manifest, path.stat().st_size, time.monotonic() - started)
    mark.write(get_config(), archive=path, size=made.bytes, seconds=made.seconds)
    record("site.backed_up", subject="installation", actor="system:backup", bytes=made.bytes, files=manifest.files)
    if keep and target.is_dir():
        remove_older(target, keep)
    return made


def _write(path: Path) -> archive.Manifest:
    engine = sqlite_database if connection.vendor == "sqlite" else postgresql
    with archive.writing(path) as (writer, scratch):
        with engine.snapshot(scratch) as found:
            writer.add(archive.DATABASE, found.path)
            found.path.unlink()
        missing = _add_pictures(writer, found)
        manifest = archive.Manifest(
            engine=engine.ENGINE,
            made_at=clock.now().astimezone(UTC).isoformat(timespec="seconds"),
            version=release(),
            key_ids=fingerprints.masters(),
            lasting_id=fingerprints.lasting(),
            migrations=found.migrations,
            counts=found.counts,
            missing=missing,
        )
        writer.finish(manifest)
    return replace(manifest, parts=writer.parts)


def _add_pictures(writer: archive.Writer, found: Snapshot) -> list[str]:
    """Every file of a picture that the snapshot names; returns the names for which there was no file at all."""
    media, without = get_config().media, set(found.pictures)
    for path in stored(media):
        name = path.name.partition(".")[0]
        if name in found.pictures and writer.add(f"{archive.MEDIA}/{path.relative_to(media).as_posix()}", path):
            without.discard(name)
    return sorted(without)


def stored(media: Path) -> Iterator[Path]:
    """The files under `media` in a stable order, without those that are being written."""
    for folder, folders, files in os.walk(media):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if not (here == media and name.startswith(_NOT_KEPT)))
        yield from (here / name for name in sorted(files) if not name.endswith(".part"))


def is_full(error: BaseException) -> bool:
    """Whether a write failed for want of room."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return isinstance(error, sqlite3.Error) and error.sqlite_errorcode == sqlite3.SQLITE_FULL


def _refuse_target(path: Path) -> None:
    if not path.parent.is_dir():
        raise Refused(f"There is no folder {path.parent}.")
    if path.exists():
        raise Refused(f"{path} is there already; a backup overwrites nothing.")


def refuse_keys_near(target: Path) -> None:
    """Whoever holds a backup, or the pictures, must not hold the key as well."""
    media = get_config().media.resolve()
    for key in fingerprints.key_files():
        if key.resolve().is_relative_to(media):
            raise Refused(f"The key {key} lies among the pictures: lock and key would travel together. Move it.")
        if target.resolve().is_relative_to(key.resolve().parent):
            raise Refused(f"{target} is the folder of the key: lock and key would travel together. Back up elsewhere.")


def remove_older(folder: Path, keep: int) -> list[Path]:
    """Remove all but the `keep` youngest backups that were named by us."""
    ours = sorted(folder.glob(f"qixia-*{SUFFIX}"))
    for path in ours[:-keep]:
        path.unlink()
    return ours[:-keep]
