"""`qixia restore`: an installation as it was, from one archive and the keys, which come from elsewhere.

Order    everything that can refuse is asked first: the archive is read to its end, then key, release, database and
         target are compared. Then all is written beside what is there, then both are exchanged.
Kept     what was replaced stays in `replaced-<time>` among the pictures and, on SQLite, as `<database>.replaced-<time>`.
Errors   Refused, BadArchive: nothing has changed. A PostgreSQL load that fails is rolled back.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from qixia.audit.services import record
from qixia.jobs.queries import worker_alive
from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.site.backup import archive, fingerprints, make, postgresql, sqlite
from qixia.site.backup.refusal import Refused


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done. `replaced` are the places that hold what was there before; `closed` old keys that are not at
    hand; `is_older` asks for `qixia prepare`."""

    manifest: archive.Manifest
    replaced: list[str]
    closed: list[str]
    is_older: bool


def restore(path: Path, *, replace: bool = False) -> Restored:
    manifest = archive.verify(path)
    engine = sqlite if connection.vendor == "sqlite" else postgresql
    if manifest.engine != engine.ENGINE:
        raise Refused(
            f"The archive holds a {manifest.engine} database; QIXIA_DATABASE_URL names a {engine.ENGINE} one."
        )
    closed = _refuse_keys(manifest)
    _refuse_newer(manifest)
    is_empty = engine.is_empty()
    if not replace and not (is_empty and next(make.stored(get_config().media), None) is None):
        raise Refused("There are data here already. To put the archive in their place: qixia restore --replace")
    if not is_empty:
        _refuse_running()
    try:
        replaced = _exchange(path, manifest, engine.Restore(_stamp()))
    except OSError as error:
        if make.is_full(error):
            raise Refused("The disk is full. Nothing has changed.") from error
        raise
    record("site.restored", subject="installation", actor="system:restore", made_at=manifest.made_at)
    return Restored(manifest, replaced, closed, is_older=bool(_pending()))


def _exchange(path: Path, manifest: archive.Manifest, target: sqlite.Restore | postgresql.Restore) -> list[str]:
    """Write everything beside, compare, then put it in place. All inside the folder of pictures: it may be a disk of
    its own, where nothing can be renamed in from outside."""
    media, stamp = get_config().media, _stamp()
    media.mkdir(parents=True, exist_ok=True, mode=0o700)
    incoming, old = media / f"{make.RESTORING}{stamp}", media / f"{make.REPLACED}{stamp}"
    with tempfile.TemporaryDirectory(prefix=make.RESTORING, dir=media) as scratch:
        try:
            part = target.landing(Path(scratch))
            archive.extract(path, manifest, part, incoming)
            target.load(part, manifest.counts)
            kept = _commit(target, media, incoming, old)
        except BaseException:
            target.abandon()
            shutil.rmtree(incoming, ignore_errors=True)
            raise
    incoming.rmdir()
    archive.sync_folder(media)
    return kept


def _commit(target: sqlite.Restore | postgresql.Restore, media: Path, incoming: Path, old: Path) -> list[str]:
    """Pictures first, as on the way in: a row without its file would be worse than a file without its row."""
    before = [path for path in media.iterdir() if not path.name.startswith((make.RESTORING, make.REPLACED))]
    old.mkdir(mode=0o700)
    moves = [(path, old / path.name) for path in before] + [(path, media / path.name) for path in incoming.iterdir()]
    done: list[tuple[Path, Path]] = []
    try:
        for source, final in moves:
            source.rename(final)
            done.append((source, final))
        database = target.commit()
    except BaseException:
        for source, final in reversed(done):
            final.rename(source)
        old.rmdir()
        raise
    if not before:
        old.rmdir()
    return [name for name in (str(old) if before else "", database) if name]


def _stamp() -> str:
    return f"{clock.now().astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _refuse_keys(manifest: archive.Manifest) -> list[str]:
    """Refuse another master key; returns the old ones that are not at hand, whose values will stay closed."""
    here = fingerprints.masters()
    if manifest.key_ids[0] not in here:
        raise Refused(
            f"The archive needs the master key with the fingerprint {manifest.key_ids[0]}; here is {here[0]}. "
            "Put the right key where QIXIA_MASTER_KEY_FILE says."
        )
    if manifest.lasting_id != fingerprints.lasting():
        raise Refused("The archive needs the index.key that lay beside its master key. Put it there too.")
    return [name for name in manifest.key_ids if name not in here]


def _refuse_newer(manifest: archive.Manifest) -> None:
    known = set(MigrationLoader(None).disk_migrations)  # without a connection: that would make an SQLite file
    foreign = {"admin", "auth", "contenttypes", "sessions"}  # Django's own, which an upgrade may add to
    newer = [f"{app}.{name}" for app, name in manifest.migrations if (app, name) not in known and app not in foreign]
    if newer:
        raise Refused(
            f"The archive comes from a newer release ({manifest.version}; it knows {newer[0]}). Install that release."
        )


def _refuse_running() -> None:
    try:
        alive = worker_alive()
    except DatabaseError:
        return
    if alive:
        raise Refused("Qixia is running (a worker gave a sign within 30 seconds). Stop it on all machines first.")


def _pending() -> list[object]:
    executor = MigrationExecutor(connection)
    return list(executor.migration_plan(executor.loader.graph.leaf_nodes()))
