"""Taking photos in, making the copies that people see, and clearing up.

Truth    the Evidence rows. A photo's file is whole and durable before its row commits, so an acknowledged photo exists.
Errors   `rules.PhotoRefused` for a photo that is not taken: no file, no row. OSError (disk full) likewise.
Retries  `develop_evidence` and `sweep` may run any number of times. Taking in is not idempotent by itself: the caller's
         command key is.
Audit    taking in leaves no line of its own: the caller's act ("reports.raised") names the photos, and a second line
         would double the cost of the busiest write. Broken photos, copies and swept files are recorded.

Inside a web request, open no transaction before the files are checked and durable (on SQLite it is the only writer's
lock):

    with receive(request.FILES.getlist("photos"), claimed=claims) as photos, transaction.atomic():
        report = ...
        evidence = keep(photos, owner_ref=f"report:{report.public_id}")
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast

from django.db import transaction

from qixia.audit.services import record
from qixia.jobs.registry import declare_event
from qixia.jobs.services import Ask, enqueue_many, publish
from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.kernel.errors import DomainError
from qixia.kernel.faults import kill_point
from qixia.media import files, pictures
from qixia.media.models import Evidence
from qixia.media.rules import Limits, PhotoTooLarge, Place, check_picture, clean_claims
from qixia.media.sniff import Format, Shape

READY = declare_event("media.ready")
BROKEN = declare_event("media.broken")

SYSTEM = "system:media"
GRACE = timedelta(hours=1)
_DERIVE_PRIORITY = -10  # a report is settled before its pictures are shrunk

log = logging.getLogger("qixia.media")


class Upload(Protocol):
    """What a form hands over; Django's UploadedFile and ContentFile are such."""

    def chunks(self) -> Iterable[bytes]: ...


@dataclass(slots=True)
class Received:
    """A checked photo whose file is in place and whose row is not yet written."""

    name: str
    sha256: str
    size: int
    shape: Shape
    claimed: dict[str, Any]
    kept: bool = False
    committed: bool = field(default=False, repr=False)


def limits() -> Limits:
    config = get_config()
    return Limits(max_mb=config.max_photo_mb, max_megapixels=config.max_photo_megapixels)


# ── taking in ───────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def receive(
    uploads: Sequence[Upload], *, field: str = "photos", claimed: Sequence[object] = ()
) -> Iterator[list[Received]]:
    """Check the photos of one form field and put their files in place, all or none; no SQL.

    `claimed[i]` is what the phone said about `uploads[i]`. Files that are not kept inside the block are removed at its
    end. After a DomainError those kept but rolled back are removed too; after any other error they are left to `sweep`,
    because the commit may have reached the database all the same.
    """
    photos = _take_in(uploads, field, claimed)
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
        rows = Evidence.objects.bulk_create([_row(photo, owner_ref) for photo in photos])
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


def _take_in(uploads: Sequence[Upload], field: str, claimed: Sequence[object]) -> list[Received]:
    photos: list[Received] = []
    try:
        for index, upload in enumerate(uploads):
            claim = claimed[index] if index < len(claimed) else None
            photos.append(_take_in_one(upload, Place(field, index + 1), claim))
    except BaseException:
        _remove(photos)
        raise
    return photos


def _take_in_one(upload: Upload, place: Place, claim: object) -> Received:
    bounds = limits()
    written = files.write_temp(upload.chunks(), max_bytes=bounds.max_bytes)
    if written is None:
        raise place.refuse(PhotoTooLarge, limit_mb=bounds.max_mb)
    try:
        with files.mapped(written.path) as data:
            shape = check_picture(data, bounds, place)
    except BaseException:
        files.remove([written.path])
        raise
    name = files.new_name()
    files.settle([(written.path, files.original_path(name))])
    return Received(name, written.sha256, written.size, shape, clean_claims(claim, now=clock.now()))


def _row(photo: Received, owner_ref: str) -> Evidence:
    return Evidence(
        owner_ref=owner_ref,
        sha256=photo.sha256,
        bytes=photo.size,
        width=photo.shape.width,
        height=photo.shape.height,
        format=photo.shape.format,
        notes=list(photo.shape.notes),
        storage_name=photo.name,
        claimed=photo.claimed,
    )


def _mark_committed(photos: Iterable[Received]) -> None:
    for photo in photos:
        photo.committed = True


def _remove(photos: Iterable[Received]) -> None:
    files.remove(files.original_path(photo.name) for photo in photos)


# ── making the copies ───────────────────────────────────────────────────────────────────────────────────────────────


def develop_evidence(evidence_id: int) -> None:
    """Make the copies of one pending photo, or find that it can't be decoded. OSError passes, to be tried again."""
    row = Evidence.objects.filter(pk=evidence_id, state=Evidence.State.PENDING).first()
    if row is None:
        return  # done before, or its report is gone
    twin = _twin_of(row)
    if twin is not None:
        _settle_like(row, twin)
        return
    content = files.read_original(row.storage_name)
    try:
        result = pictures.develop(content, cast(Format, row.format), limits=limits(), now=clock.now())
    except pictures.Undecodable as error:
        _settle_broken(row, error.reason)
        return
    files.write_copies(row.storage_name, {size: copy.content for size, copy in result.copies.items()})
    kill_point("media.copied")
    _settle_ready(row, result)


def _twin_of(row: Evidence) -> Evidence | None:
    """Another ready photo of the same bytes: its copies serve again, nothing is decoded twice."""
    same = Evidence.objects.filter(sha256=row.sha256, bytes=row.bytes, state=Evidence.State.READY)
    return same.exclude(pk=row.pk).order_by("pk").first()


def _settle_like(row: Evidence, twin: Evidence) -> None:
    """Give `row` the copies of `twin` under names of its own, so that either may be deleted alone."""
    files.link_copies(twin.storage_name, row.storage_name, twin.sizes)
    found = {name: getattr(twin, name) for name in ("width", "height", "colour", "phash", "measured", "sizes")}
    _settle_as(row, found)


def _settle_ready(row: Evidence, result: pictures.Developed) -> None:
    sizes = {size: [copy.width, copy.height, len(copy.content)] for size, copy in result.copies.items()}
    found = {name: getattr(result, name) for name in ("width", "height", "colour", "phash", "measured")}
    _settle_as(row, found | {"sizes": sizes})


@transaction.atomic
def _settle_as(row: Evidence, found: dict[str, Any]) -> None:
    pending = Evidence.objects.filter(pk=row.pk, state=Evidence.State.PENDING)
    if pending.update(state=Evidence.State.READY, revision=row.revision + 1, **found):
        publish(READY, _ref(row), _payload(row))


@transaction.atomic
def _settle_broken(row: Evidence, reason: str) -> None:
    pending = Evidence.objects.filter(pk=row.pk, state=Evidence.State.PENDING)
    if pending.update(state=Evidence.State.BROKEN, broken_reason=reason):
        record("media.broken", subject=_ref(row), actor=SYSTEM, reason=reason, owner=row.owner_ref)
        publish(BROKEN, _ref(row), _payload(row) | {"reason": reason})


def _ref(row: Evidence) -> str:
    return f"evidence:{row.public_id}"


def _payload(row: Evidence) -> dict[str, Any]:
    return {"evidence": row.public_id, "owner_ref": row.owner_ref}


# ── clearing up ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def sweep(shards: Iterable[int] = range(files.SHARDS)) -> int:
    """Remove files older than an hour that no row names, and left-over temp files. Returns how many."""
    before = (clock.now() - GRACE).timestamp()
    orphans = files.stale_parts(before)
    for shard in shards:
        for kind in ("originals", "copies"):
            orphans += _without_row(files.stored_files(kind, shard, before))
    if orphans:
        files.remove(orphans)
        record("media.swept", subject="media", actor=SYSTEM, files=len(orphans))
        log.info("orphan files removed", extra={"files": len(orphans)})
    return len(orphans)


def _without_row(found: dict[Path, str]) -> list[Path]:
    names = sorted(set(found.values()))
    known: set[str] = set()
    for start in range(0, len(names), 500):  # SQLite takes 999 values a statement in old builds
        part = names[start : start + 500]
        known.update(Evidence.objects.filter(storage_name__in=part).values_list("storage_name", flat=True))
    return [path for path, name in found.items() if name not in known]
