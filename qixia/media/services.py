"""Taking photos in, making the copies that people see, opening and destroying what came, clearing up.

Truth    the Evidence rows. A photo's file is whole and durable before its row commits, so an acknowledged photo exists.
Errors   `rules.PhotoRefused` for a photo that is not taken: no file, no row. OSError (disk full) likewise.
Retries  `develop_evidence` and `sweep` may run any number of times. Taking in is not idempotent by itself: the caller's
         command key is.
Audit    taking in leaves no line of its own: the caller's act ("reports.raised") names the photos, and a second line
         would double the cost of the busiest write. Broken photos, opened and destroyed originals, swept files are recorded.

Inside a web request, open no transaction before the files are checked and durable (on SQLite it is the only writer's
lock):

    with receive(request.FILES.getlist("photos"), claimed=claims) as photos, transaction.atomic():
        report = ...
        evidence = keep(photos, owner_ref=f"report:{report.public_id}")
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from django.db import transaction
from django.db.models import Q, QuerySet

from qixia.audit.rules import check_reason
from qixia.audit.services import Act, record, record_access, record_many
from qixia.jobs.registry import declare_event
from qixia.jobs.services import Ask, enqueue_many, publish
from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.kernel.errors import DomainError, NotFound, Stale
from qixia.kernel.faults import kill_point
from qixia.kernel.keys import BadSeal, keys
from qixia.media import files, lookalikes, pictures, provenance, queries, redaction
from qixia.media.clips import ClipShape
from qixia.media.frames import Taken, take_frames
from qixia.media.models import DESTROYED, Evidence, seal_facts
from qixia.media.provenance import Facts
from qixia.media.rules import ClipTooLarge, Limits, PhotoTooLarge, Place, check_clip, check_picture, clean_claims
from qixia.media.sealed import Damaged, wrap_key
from qixia.media.sniff import Format, Shape
from qixia.media.uploads import SealedUpload

READY = declare_event("media.ready")
FILMED = declare_event("media.filmed")  # ref clip; payload evidence, owner_ref, frames
BROKEN = declare_event("media.broken")
HELD = declare_event("media.held")
OPENED = declare_event("media.original_opened")  # ref evidence; payload evidence, owner_ref, basis

SYSTEM = "system:media"
GRACE = timedelta(hours=1)
_DERIVE_PRIORITY = -10  # a report is settled before its pictures are shrunk
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

log = logging.getLogger("qixia.media")


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


# ── taking in ───────────────────────────────────────────────────────────────────────────────────────────────────────


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


def _row(photo: Received, owner_ref: str) -> Evidence:
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


# ── making the copies ───────────────────────────────────────────────────────────────────────────────────────────────


def develop_evidence(evidence_id: int) -> None:
    """Make the copies of one pending photo, or find that it can't be decoded. OSError passes, to be tried again."""
    row = Evidence.objects.filter(pk=evidence_id, state=Evidence.State.PENDING).first()
    if row is None:
        return  # done before, or its report is gone
    if row.kind == Evidence.Kind.CLIP:
        _film(row)
        return
    twin = _twin_of(row)
    if twin is not None and twin.boxes_by == Evidence.BoxesBy.MACHINE:
        _settle_like(row, twin)
        return
    content = files.read_original(row.storage_name, row.file_key)
    boxes = redaction.boxes_of(row.boxes) if row.boxes_by == Evidence.BoxesBy.PERSON else None
    # What a person covered in the twin is covered here; what a person uncovered there had a reason of its own, not here.
    also = redaction.boxes_of(twin.boxes) if twin is not None else []
    try:
        result = pictures.develop(
            content, cast(Format, row.format), limits=limits(), now=clock.now(), boxes=boxes, also=also
        )
    except pictures.Undecodable as error:
        _settle_broken(row, error.reason)
        return
    except redaction.CannotLook as error:
        _settle_held(row, error)
        return
    if not _pending(row).exists():
        return  # another worker was faster, and a person may have settled other boxes since: leave its copies alone
    files.write_copies(row.storage_name, {size: copy.content for size, copy in result.copies.items()})
    kill_point("media.copied")
    _settle_ready(row, result)


def _film(clip: Evidence) -> None:
    """Take the key frames of a clip; they become pictures of their own, which are covered like photos."""
    try:
        with files.open_original_stream(clip.storage_name, clip.file_key) as content:
            taken = take_frames(content)
    except pictures.Undecodable as error:
        _settle_broken(clip, error.reason)
        return
    rows = [_frame_row(clip, picture, taken) for picture in taken.frames]
    kill_point("media.filmed")
    _settle_filmed(clip, rows, taken)


def _frame_row(clip: Evidence, picture: bytes, taken: Taken) -> Evidence:
    """A row for a frame whose file is in place; without the row the sweep takes the file."""
    written = files.write_temp([picture], max_bytes=len(picture))
    assert written is not None
    shape = check_picture(picture, limits(), Place("clip"))
    name = files.new_name()
    files.settle([(written.path, files.original_path(name))])
    row = _row(Received(name, written, shape, {}, Evidence.Kind.FRAME), clip.owner_ref)
    row.parent = clip
    return row


@transaction.atomic
def _settle_filmed(clip: Evidence, frames: list[Evidence], taken: Taken) -> None:
    """The clip itself is never shown: it is open to named roles only, with a reason."""
    found = {"duration_ms": taken.duration_ms, "width": taken.width, "height": taken.height}
    if not _pending(clip).update(state=Evidence.State.READY, revision=clip.revision + 1, **found):
        return
    Evidence.objects.bulk_create(frames)
    enqueue_many([copies_of(frames)])
    publish(FILMED, _ref(clip), _payload(clip) | {"frames": [row.public_id for row in frames]})


def _twin_of(row: Evidence) -> Evidence | None:
    """Another ready photo of the same bytes: what is covered there is covered here; its copies serve again if no person
    has changed the boxes."""
    if row.boxes_by:  # a person has said what is covered in this one
        return None
    same = Evidence.objects.filter(digest=row.digest, kind=row.kind, state=Evidence.State.READY).exclude(boxes_by="")
    return same.exclude(pk=row.pk).order_by("pk").first()


def _settle_like(row: Evidence, twin: Evidence) -> None:
    """Give `row` the copies of `twin` under names of its own, so that either may be deleted alone."""
    files.remove(files.copy_path(row.storage_name, size) for size in twin.sizes)  # of an earlier try, or uncovered
    files.link_copies(twin.storage_name, row.storage_name, twin.sizes)
    names = ("width", "height", "colour", "phash", "boxes", "boxes_by", "measured", "sizes")
    _settle_as(row, {name: getattr(twin, name) for name in names})


def _settle_ready(row: Evidence, result: pictures.Developed) -> None:
    sizes = {size: [copy.width, copy.height, len(copy.content)] for size, copy in result.copies.items()}
    found = {name: getattr(result, name) for name in ("width", "height", "colour", "phash", "measured")}
    boxes = {"boxes": [box.as_dict() for box in result.boxes], "boxes_by": row.boxes_by or Evidence.BoxesBy.MACHINE}
    _settle_as(row, found | boxes | {"sizes": sizes})


def _pending(row: Evidence) -> QuerySet[Evidence]:
    """The row, if it still waits for what was read with it."""
    return Evidence.objects.filter(pk=row.pk, state=Evidence.State.PENDING, revision=row.revision)


@transaction.atomic
def _settle_as(row: Evidence, found: dict[str, Any]) -> None:
    sealed = seal_facts("measured", row.public_id, found.pop("measured"))
    settled = {"state": Evidence.State.READY, "revision": row.revision + 1, "sealed_measured": sealed}
    if _pending(row).update(**settled, **found) and not row.sizes:  # copies made anew are no news
        publish(READY, _ref(row), _payload(row))


@transaction.atomic
def _settle_broken(row: Evidence, reason: str) -> None:
    if _pending(row).update(state=Evidence.State.BROKEN, broken_reason=reason):
        record("media.broken", subject=_ref(row), actor=SYSTEM, reason=reason, owner=row.owner_ref)
        publish(BROKEN, _ref(row), _payload(row) | {"reason": reason})


@transaction.atomic
def _settle_held(row: Evidence, error: redaction.CannotLook) -> None:
    """Faces and plates could not be looked for: no copy, until a person has. The person's boxes are placed in the upright
    picture, so its size counts from now on: in the size as stored a box would be cut short and uncover what it is for."""
    width, height = error.size or (row.width, row.height)
    if _pending(row).update(state=Evidence.State.HELD, width=width, height=height):
        record("media.held", subject=_ref(row), actor=SYSTEM, reason=error.reason, owner=row.owner_ref)
        publish(HELD, _ref(row), _payload(row) | {"reason": error.reason})


# ── what is covered ─────────────────────────────────────────────────────────────────────────────────────────────────


def set_boxes(*, public_id: str, boxes: object, actor: str, revision: int, reason: str = "") -> int:
    """Say what is covered in a photo; its copies go at once and are made anew by a job. Returns how many boxes.

    For a caller who has decided that `actor` (a ref) may. `boxes` is a list of {"kind", "x", "y", "w", "h"} in pixels of
    the upright original; one that stood there before keeps its score and who set it. Whatever uncovers something, or
    shows a held photo, is an access to what is personal: it wants a `reason` in words and is recorded as such. What is
    uncovered is told to the reporter like an opened original.
    Invalid names "boxes" or "reason"; Stale if `revision` isn't the one that is; then nothing has changed.
    """
    row = Evidence.objects.filter(public_id=public_id).exclude(kind=Evidence.Kind.CLIP).first()
    if row is None:
        raise NotFound
    if row.key_id == DESTROYED:
        raise OriginalGone
    before = redaction.boxes_of(row.boxes)
    after = redaction.read_boxes(boxes, (row.width, row.height), before=before, by=actor)
    shown = redaction.uncovered(before, after)
    may_show = bool(shown) or row.state == Evidence.State.HELD
    if may_show:
        reason = check_reason(reason)
    with transaction.atomic():
        _replace_boxes(row, after, revision)
        if may_show:
            record_access(
                kind="boxes", subject=row.owner_ref, actor=actor, basis="quality", reason=reason, evidence=public_id
            )
        if shown:  # whoever sees the picture sees this as it came, so its reporter hears of it as of an opened original
            publish(OPENED, _ref(row), _payload(row) | {"basis": "quality"})
        record("media.boxes_set", subject=_ref(row), actor=actor, boxes=len(after), shown=len(shown))
        enqueue_many([copies_of([row])])
    return len(after)


def _replace_boxes(row: Evidence, boxes: Sequence[redaction.Box], revision: int) -> None:
    """Pending at once: until the copies are made anew, the old ones might show what is to be covered."""
    settled = Evidence.objects.filter(
        pk=row.pk, revision=revision, state__in=(Evidence.State.READY, Evidence.State.HELD)
    )
    changed = settled.update(
        boxes=[box.as_dict() for box in boxes],
        boxes_by=Evidence.BoxesBy.PERSON,
        state=Evidence.State.PENDING,
        revision=revision + 1,
    )
    if not changed:
        raise Stale


def redact_again(limit: int = 50) -> int:
    """Make copies anew that are older than redaction (migration 0007 took them away). Returns how many it took on.

    Resumes where it was killed: a photo done is no longer pending. One that fails is left for the next round.
    """
    waiting = queries.older_than_redaction()
    ids = list(waiting.order_by("pk").values_list("pk", flat=True)[:limit])
    for evidence_id in ids:
        try:
            develop_evidence(evidence_id)
        except (OSError, Damaged, BadSeal):
            log.exception("not redacted", extra={"evidence_pk": evidence_id})
    done = len(ids) - waiting.filter(pk__in=ids).count()
    if done:
        record("media.redacted_again", subject="media", actor=SYSTEM, photos=done)
    return done


# ── where it seems to come from ─────────────────────────────────────────────────────────────────────────────────────


def judge_provenance(
    *, public_id: str, facts: Facts, nameable: Callable[[Sequence[str]], Collection[str]] = frozenset
) -> str:
    """Write down where a photo seems to come from and what speaks for it; returns the class, "" if it can't be said.

    `facts` are the owner's: media knows no reports. Of the earlier photos that are the same picture only those are named
    that `nameable` grants: whether two photos may be joined is the owner's to say. Judging again gives the same.
    """
    row = Evidence.objects.filter(public_id=public_id).exclude(kind=Evidence.Kind.CLIP).first()
    if row is None:
        return ""
    same = lookalikes.earlier_same(row)
    try:
        found = _findings(row, facts, reused=bool(same))
    except lookalikes.NoPixels:
        return ""
    signs = provenance.signs(found)
    if same:
        granted = nameable([match.public_id for match in same])
        signs["reused"] = {
            "exact": same[0].exact,
            "copied": max(match.copied for match in same),
            "earlier": [match.public_id for match in same if match.public_id in granted],
        }
    source = provenance.classify(found)
    Evidence.objects.filter(pk=row.pk).update(provenance=source, provenance_signs=signs)
    return source


def _findings(row: Evidence, facts: Facts, *, reused: bool) -> provenance.Findings:
    claimed, measured = row.claimed, row.measured
    like_screenshot, like_screen = lookalikes.pixel_signs(
        lookalikes.shot(row), bool(measured.get("camera") or claimed.get("camera"))
    )
    return provenance.Findings(
        source=str(claimed.get("source", "")),
        screenshot=like_screenshot,
        screen=like_screen,
        odds=provenance.worst(provenance.odds(claimed, facts), provenance.odds(measured, facts)),
        reused=reused,
    )


# ── originals ───────────────────────────────────────────────────────────────────────────────────────────────────────


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
    publish(OPENED, _ref(row), _payload(row) | {"basis": basis})
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
            Act("media.destroyed", _ref(row), actor, {"reason": reason, "copies": copies, "owner": row.owner_ref})
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
            orphans += _without_row(files.stored_files(kind, shard, before), kind)
    if orphans:
        files.remove(orphans)
        record("media.swept", subject="media", actor=SYSTEM, files=len(orphans))
        log.info("orphan files removed", extra={"files": len(orphans)})
    return len(orphans)


def _without_row(found: dict[Path, str], kind: str) -> list[Path]:
    names = sorted(set(found.values()))
    known: set[str] = set()
    rows = Evidence.objects.exclude(key_id=DESTROYED) if kind == "originals" else Evidence.objects
    for start in range(0, len(names), 500):  # SQLite takes 999 values a statement in old builds
        part = names[start : start + 500]
        known.update(rows.filter(storage_name__in=part).values_list("storage_name", flat=True))
    return [path for path, name in found.items() if name not in known]
