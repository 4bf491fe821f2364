"""Making the copies that people see, and taking key frames of clips. `develop_evidence` may run any number of times."""

from __future__ import annotations

from typing import Any, cast

from django.db import transaction
from django.db.models import QuerySet

from qixia.audit.services import record
from qixia.jobs.services import enqueue_many, publish
from qixia.kernel import clock
from qixia.kernel.faults import kill_point
from qixia.media import files, pictures, redaction
from qixia.media.frames import Taken, take_frames
from qixia.media.models import Evidence, seal_facts
from qixia.media.rules import Place, check_picture
from qixia.media.services.rows import BROKEN, FILMED, HELD, READY, SYSTEM, payload_of, ref_of
from qixia.media.services.taking import Received, copies_of, limits, row_of
from qixia.media.sniff import Format


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
    row = row_of(Received(name, written, shape, {}, Evidence.Kind.FRAME), clip.owner_ref)
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
    publish(FILMED, ref_of(clip), payload_of(clip) | {"frames": [row.public_id for row in frames]})


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
        publish(READY, ref_of(row), payload_of(row))


@transaction.atomic
def _settle_broken(row: Evidence, reason: str) -> None:
    if _pending(row).update(state=Evidence.State.BROKEN, broken_reason=reason):
        record("media.broken", subject=ref_of(row), actor=SYSTEM, reason=reason, owner=row.owner_ref)
        publish(BROKEN, ref_of(row), payload_of(row) | {"reason": reason})


@transaction.atomic
def _settle_held(row: Evidence, error: redaction.CannotLook) -> None:
    """Faces and plates could not be looked for: no copy, until a person has. The person's boxes are placed in the upright
    picture, so its size counts from now on: in the size as stored a box would be cut short and uncover what it is for."""
    width, height = error.size or (row.width, row.height)
    if _pending(row).update(state=Evidence.State.HELD, width=width, height=height):
        record("media.held", subject=ref_of(row), actor=SYSTEM, reason=error.reason, owner=row.owner_ref)
        publish(HELD, ref_of(row), payload_of(row) | {"reason": error.reason})
