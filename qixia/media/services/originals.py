"""What came, as it came: opened with a reason, sealed, destroyed. Each leaves a line in the audit history."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

from django.db import transaction
from django.db.models import Q

from qixia.audit.services import Act, record, record_access, record_many
from qixia.jobs.services import publish
from qixia.kernel.errors import NotFound
from qixia.kernel.faults import kill_point
from qixia.kernel.keys import BadSeal, keys
from qixia.media import files
from qixia.media.models import DESTROYED, Evidence
from qixia.media.sealed import Damaged, wrap_key
from qixia.media.services.rows import OPENED, SYSTEM, log, payload_of, ref_of

_PART = 1 << 18  # bytes of a clip handed out at a time
_CONTENT_TYPE = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
}
_ERASED: dict[str, Any] = {
    "state": Evidence.State.BROKEN,
    "broken_reason": "destroyed",
    "digest": "",
    "phash": None,
    "colour": "",
    "boxes": [],
    "boxes_by": "",
    "sealed_claimed": None,
    "sealed_measured": None,
    "provenance": "",
    "provenance_signs": {},
    "sizes": {},
}


@dataclass(frozen=True, slots=True)
class Original:
    """What came, as it came. `content` of a photo is bytes; of a clip an iterator, so that none is in memory whole."""

    content: bytes | Iterator[bytes]
    content_type: str
    size: int


class OriginalGone(NotFound):
    code = "media.original_gone"
    message = "原图已按规定销毁或丢失，无法打开。"


@transaction.atomic
def open_original(*, public_id: str, actor: str, basis: str, reason: str) -> Original:
    """The unredacted file, for a caller who has decided that `actor` may. The access is recorded and told of.

    NotFound for an unknown id, OriginalGone when file or key is; Invalid names "basis" or "reason". Then nothing is
    recorded.
    """
    row = Evidence.objects.filter(public_id=public_id).first()
    if row is None:
        raise NotFound
    original = _original(row)
    record_access(
        kind="original", subject=row.owner_ref, actor=actor, basis=basis, reason=reason, evidence=row.public_id
    )
    publish(OPENED, ref_of(row), payload_of(row) | {"basis": basis})
    return original


def _original(row: Evidence) -> Original:
    if row.key_id == DESTROYED:
        raise OriginalGone
    try:
        file = files.open_original_stream(row.storage_name, row.file_key)
    except (FileNotFoundError, Damaged, BadSeal) as error:
        log.error("original does not open", extra={"evidence": row.public_id, "why": type(error).__name__})
        raise OriginalGone from error
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if row.kind == Evidence.Kind.CLIP:
        return Original(_parts(file), _CONTENT_TYPE[row.format], size)
    with file:
        return Original(_whole(file), _CONTENT_TYPE[row.format], size)


def _whole(file: BinaryIO) -> bytes:
    try:
        return file.read()
    except Damaged as error:
        raise OriginalGone from error


def _parts(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while part := file.read(_PART):
            yield part


def destroy_originals(public_ids: Iterable[str], *, actor: str, reason: str, copies: bool = False) -> int:
    """Destroy the keys of these photos and clips (with their frames), then the files. Returns how many it found.

    With `copies` nothing is left to see and the rows keep no facts; else the redacted copies stay. `reason` is a code
    ("erasure", "retention"). Doing it again changes nothing. Without its key a file is noise, in backups of the media
    too; a file that a crash leaves behind goes with the sweep. Backups of the database hold the wrapped keys until
    they expire.
    """
    wanted = list(public_ids)
    with transaction.atomic():
        named = Q(public_id__in=wanted) | Q(parent__public_id__in=wanted)
        rows = list(Evidence.objects.select_for_update(of=("self",)).filter(named).exclude(_gone(copies)))
        if not rows:
            return 0
        found = Evidence.objects.filter(pk__in=[row.pk for row in rows])
        found.update(wrapped_key=None, key_id=DESTROYED)
        # A photo without copies can never get any now.
        nothing_to_see = found if copies else found.filter(state__in=[Evidence.State.PENDING, Evidence.State.HELD])
        nothing_to_see.update(**_ERASED)
        record_many(
            Act("media.destroyed", ref_of(row), actor, {"reason": reason, "copies": copies, "owner": row.owner_ref})
            for row in rows
        )
        transaction.on_commit(partial(_remove_files, rows, copies))
    return len(rows)


def _gone(copies: bool) -> Q:
    """What `destroy_originals` has nothing to do for."""
    return Q(key_id=DESTROYED, broken_reason="destroyed") if copies else Q(key_id=DESTROYED)


def _remove_files(rows: Sequence[Evidence], copies: bool) -> None:
    files.remove(files.original_path(row.storage_name) for row in rows)
    if copies:
        files.remove(files.copy_path(row.storage_name, size) for row in rows for size in row.sizes)


def seal_plain_originals(limit: int = 50) -> int:
    """Seal files from before files were sealed. Returns how many; 0 means that there are none left.

    A sealed file gets a new name, the row changes to it in one statement, the old file goes: killed anywhere, the row
    names a whole file, and the sweep takes the other.
    """
    rows = list(Evidence.objects.filter(key_id="").exclude(state=Evidence.State.PENDING).order_by("pk")[:limit])
    done = sum(_seal_plain(row) for row in rows)
    if done:
        record("media.sealed", subject="media", actor=SYSTEM, files=done)
    return done


def _seal_plain(row: Evidence) -> bool:
    try:
        content = files.read_original(row.storage_name, None)
    except FileNotFoundError:
        log.error("original missing", extra={"evidence": row.public_id})
        return False
    written, name = files.write_temp([content], max_bytes=len(content)), files.new_name()
    assert written is not None
    files.settle([(written.path, files.original_path(name))])
    files.link_copies(row.storage_name, name, row.sizes)
    kill_point("media.sealed")
    new = {"storage_name": name, "wrapped_key": wrap_key(written.key, name), "key_id": keys().key_id}
    same = Evidence.objects.filter(pk=row.pk, storage_name=row.storage_name, revision=row.revision)
    if same.update(bytes=written.stored, revision=row.revision + 1, **new):
        _remove_files([row], copies=True)
        return True
    return False  # its copies were made meanwhile; the next round has it
