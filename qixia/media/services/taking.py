"""Taking photos and clips in.

Truth    the Evidence rows. A photo's file is whole and durable before its row commits, so an acknowledged photo exists.
Errors   `rules.PhotoRefused` for a photo that is not taken: no file, no row. OSError (disk full) likewise.
Retries  taking in is not idempotent by itself: the caller's command key is.
Audit    taking in leaves no line of its own: the caller's act ("reports.raised") names the photos, and a second line
         would double the cost of the busiest write.

Inside a web request, open no transaction before the files are checked and durable (on SQLite it is the only writer's
lock):

    with receive(request.FILES.getlist("photos"), claimed=claims) as photos, transaction.atomic():
        report = ...
        evidence = keep(photos, owner_ref=f"report:{report.public_id}")
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from django.db import transaction

from qixia.jobs.services import Ask, enqueue_many
from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.kernel.errors import DomainError
from qixia.kernel.keys import keys
from qixia.media import files
from qixia.media.clips import ClipShape
from qixia.media.models import Evidence
from qixia.media.rules import ClipTooLarge, Limits, PhotoTooLarge, Place, check_clip, check_picture, clean_claims
from qixia.media.sealed import wrap_key
from qixia.media.sniff import Shape
from qixia.media.uploads import SealedUpload

_DERIVE_PRIORITY = -10  # a report is settled before its pictures are shrunk


class Upload(Protocol):
    """What a form hands over; Django's UploadedFile and ContentFile are such."""

    def chunks(self) -> Iterable[bytes]: ...


@dataclass(slots=True)
class Received:
    """A checked photo whose file is in place and whose row is not yet written."""

    name: str
    written: files.Written
    shape: Shape | ClipShape
    claimed: dict[str, Any]
    kind: Evidence.Kind = Evidence.Kind.PHOTO
    kept: bool = False
    committed: bool = field(default=False, repr=False)

    @property
    def digest(self) -> str:
        """Equal for equal files."""
        return self.written.digest

    @property
    def size(self) -> int:
        return self.written.size


def limits() -> Limits:
    config = get_config()
    return Limits(
        max_mb=config.max_photo_mb, max_megapixels=config.max_photo_megapixels, max_clip_mb=config.max_clip_mb
    )


@contextmanager
def receive(
    uploads: Sequence[Upload], *, field: str = "photos", claimed: Sequence[object] = (), clips: bool = False
) -> Iterator[list[Received]]:
    """Check the photos (or clips) of one form field and put their files in place, all or none; no SQL.

    `claimed[i]` is what the phone said about `uploads[i]`. Files that are not kept inside the block are removed at its
    end. After a DomainError those kept but rolled back are removed too; after any other error they are left to `sweep`,
    because the commit may have reached the database all the same.
    """
    photos = _take_in(uploads, field, claimed, _take_in_clip if clips else _take_in_one)
    refused = False
    try:
        yield photos
    except DomainError:
        refused = True
        raise
    finally:
        _remove(photo for photo in photos if not photo.kept or (refused and not photo.committed))


def keep(photos: Sequence[Received], *, owner_ref: str) -> list[Evidence]:
    """Write the rows of received photos and ask for their copies: one INSERT each, in the caller's transaction."""
    if not photos:
        return []
    with transaction.atomic(savepoint=False):
        rows = write_rows(photos, owner_ref=owner_ref)
        enqueue_many([copies_of(rows)])
    return rows


def write_rows(photos: Sequence[Received], *, owner_ref: str) -> list[Evidence]:
    """The first half of `keep`, for a caller who enqueues `copies_of(rows)` with jobs of its own in one statement."""
    with transaction.atomic(savepoint=False):
        rows = Evidence.objects.bulk_create([row_of(photo, owner_ref) for photo in photos])
        for photo in photos:
            photo.kept = True
        transaction.on_commit(partial(_mark_committed, list(photos)))
    return rows


def copies_of(rows: Sequence[Evidence]) -> Ask:
    """The job that makes the copies of these photos."""
    return Ask("media.derive", {"ids": [row.pk for row in rows]}, priority=_DERIVE_PRIORITY)


def store_uploads(
    uploads: Sequence[Upload], *, owner_ref: str, field: str = "photos", claimed: Sequence[object] = ()
) -> list[Evidence]:
    """`receive` and `keep` in one step, for callers without a transaction of their own around it."""
    with receive(uploads, field=field, claimed=claimed) as photos:
        return keep(photos, owner_ref=owner_ref)


def store_upload(
    upload: Upload, *, owner_ref: str, field: str = "photos", ordinal: int = 1, claimed: object = None
) -> Evidence:
    """One photo; `ordinal` is its place in the field, counted from 1, for the words of a refusal."""
    photo = _take_in_one(upload, Place(field, ordinal), claimed)
    try:
        return keep([photo], owner_ref=owner_ref)[0]
    except DomainError:
        _remove([photo])
        raise


def give_to(*, public_ids: Sequence[str], owner_ref: str, was: str) -> list[int]:
    """Let photos go from the owner `was` to another, in the caller's transaction; their keys in the order asked. What
    belongs to anybody else is left out; asked again it changes nothing."""
    mine = Evidence.objects.filter(public_id__in=public_ids, owner_ref__in=[was, owner_ref])
    found = dict(mine.values_list("public_id", "pk"))
    mine.update(owner_ref=owner_ref)
    return [found[name] for name in public_ids if name in found]


def _take_in(
    uploads: Sequence[Upload], field: str, claimed: Sequence[object], take: Callable[[Upload, Place, object], Received]
) -> list[Received]:
    photos: list[Received] = []
    try:
        for index, upload in enumerate(uploads):
            claim = claimed[index] if index < len(claimed) else None
            photos.append(take(upload, Place(field, index + 1), claim))
    except BaseException:
        _remove(photos)
        raise
    return photos


def _take_in_one(upload: Upload, place: Place, claim: object) -> Received:
    bounds = limits()
    content = _content(upload, bounds.max_bytes)
    if content is None:
        raise place.refuse(PhotoTooLarge, limit_mb=bounds.max_mb)
    shape = check_picture(content, bounds, place)
    written = _sealed(upload, content)
    name = files.new_name()
    files.settle([(written.path, files.original_path(name))])
    return Received(name, written, shape, clean_claims(claim, now=clock.now()))


def _take_in_clip(upload: Upload, place: Place, _claim: object) -> Received:
    """Sealed piece by piece, then read where its container says what it is: never in memory as a whole."""
    bounds = limits()
    if isinstance(upload, SealedUpload):
        written: files.Written | None = upload.hand_over()
    else:
        written = files.write_temp(upload.chunks(), max_bytes=bounds.max_clip_bytes)
    if written is None:
        raise place.refuse(ClipTooLarge, limit_mb=bounds.max_clip_mb)
    try:
        with files.open_temp(written) as content:
            shape = check_clip(content, written.size, bounds, place)
    except BaseException:
        files.remove([written.path])
        raise
    name = files.new_name()
    files.settle([(written.path, files.original_path(name))])
    return Received(name, written, shape, {}, Evidence.Kind.CLIP)


def _content(upload: Upload, most: int) -> bytes | None:
    """A photo's bytes, in memory only; None for more than `most`."""
    parts, size = [], 0
    for part in upload.chunks():
        size += len(part)
        if size > most:
            return None
        parts.append(part)
    return b"".join(parts)


def _sealed(upload: Upload, content: bytes) -> files.Written:
    """The sealed temp file. A large upload is one already, under a key of its own."""
    if isinstance(upload, SealedUpload):
        return upload.hand_over()
    written = files.write_temp([content], max_bytes=len(content))
    assert written is not None
    return written


def row_of(photo: Received, owner_ref: str) -> Evidence:
    row = Evidence(
        owner_ref=owner_ref,
        kind=photo.kind,
        duration_ms=getattr(photo.shape, "duration_ms", None),
        digest=photo.digest,
        bytes=photo.written.stored,
        width=photo.shape.width,
        height=photo.shape.height,
        format=photo.shape.format,
        notes=list(getattr(photo.shape, "notes", ())),
        storage_name=photo.name,
        wrapped_key=wrap_key(photo.written.key, photo.name),
        key_id=keys().key_id,
    )
    row.claimed = photo.claimed
    return row


def _mark_committed(photos: Iterable[Received]) -> None:
    for photo in photos:
        photo.committed = True


def _remove(photos: Iterable[Received]) -> None:
    files.remove(files.original_path(photo.name) for photo in photos)
