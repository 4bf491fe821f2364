"""Bringing in what a city keeps today: a clerk pastes or uploads, looks at each row, and confirms.

Truth    ImportBatch and ImportRow; the same file again is the same batch (digest). Photos are taken in with the upload,
         sealed like all evidence, under the batch's name; jobs read (reading.py) and make (making.py).
Errors   BadFile and Invalid name the field; NotFound for another clerk's batch; nothing has changed then.
Secrecy  names, words and the file are sealed and go after the retention days; a rider is named only where a person
         recognised one, sealed, until the report is made.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass

from django.core.files.base import ContentFile
from django.db import transaction

from qixia.audit.services import record
from qixia.jobs.services import enqueue
from qixia.kernel import clock
from qixia.kernel.errors import DomainError, Invalid
from qixia.kernel.geo import Point
from qixia.kernel.keys import keys
from qixia.media.services import Received, Upload, destroy_originals, keep, receive
from qixia.people.access import Actor
from qixia.people.queries import riders_named
from qixia.places.queries import in_city, locate
from qixia.reports import errors
from qixia.reports.access import CLERK_ROLES, case
from qixia.reports.importing.archives import is_workbook, is_zip, read_archive
from qixia.reports.importing.columns import NEEDED, checked
from qixia.reports.importing.decoding import text_of
from qixia.reports.importing.limits import MB, UPLOAD_BYTES, BadFile
from qixia.reports.importing.parts import Head
from qixia.reports.models import ROW_CHOICES, ImportBatch, ImportRow
from qixia.reports.queries.imports import batch_of, row_of, said_of
from qixia.reports.services.imports.making import ask_for_piece

MAKEABLE = ("ready", "done")


@dataclass(frozen=True, slots=True)
class Started:
    """The batch of a file; `repeated` if it came before."""

    public_id: str
    repeated: bool = False


def import_upload(*, actor: Actor, text: str = "", file: Upload | None = None, name: str = "") -> Started:
    """Take a paste or a file in and let it be read. Refusals name the field: text, file."""
    if not actor.has(*CLERK_ROLES, "admin"):
        raise errors.NotYours
    data = _content(file) if file is not None else text.encode()
    if not data.strip():
        raise BadFile("先粘贴聊天记录，或者选一个文件。", field="text" if file is None else "file")
    digest = keys().blind_index(hashlib.sha256(data).hexdigest(), purpose="import")
    before = ImportBatch.objects.filter(digest=digest).exclude(state__in=("failed", "dropped")).first()
    if before is not None:
        return _again(actor, before)
    kind, source, head, photos = _opened(data, name)
    with ExitStack() as stack:
        received = _received(stack, photos, head)
        with transaction.atomic():
            batch = _write(actor, digest, kind, source, head, received)
    return Started(batch.public_id)


def _content(file: Upload) -> bytes:
    parts, size = [], 0
    for part in file.chunks():
        size += len(part)
        if size > UPLOAD_BYTES:
            raise BadFile("文件太大：最多 %(most)d MB。请分几次导入。", most=UPLOAD_BYTES // MB)
        parts.append(part)
    return b"".join(parts)


def _again(actor: Actor, before: ImportBatch) -> Started:
    if before.by_id != actor.person_id and not actor.has("admin"):
        at = clock.city_time(before.at)
        raise errors.ImportedBefore(name=before.by.display_name, at=f"{at:%m-%d %H:%M}", field="file")
    return Started(before.public_id, repeated=True)


def _opened(data: bytes, name: str) -> tuple[str, bytes, Head, dict[str, bytes]]:
    """Kind, the text or list itself, what is known of it, photos."""
    photos: dict[str, bytes] = {}
    if data[:4] == b"\xd0\xcf\x11\xe0":
        raise BadFile("这是旧格式（.xls）或加了密码的文件。请另存为不加密的 .xlsx 再传。")
    if is_zip(data) and not is_workbook(data):
        archive = read_archive(data)
        data, name, photos = archive.content, archive.name, archive.photos
    is_table = is_workbook(data) or name.lower().endswith((".csv", ".tsv"))
    if not is_table:
        data = text_of(data).encode()
    return "table" if is_table else "chat", data, Head(name=name[:80]), photos


def _received(stack: ExitStack, photos: dict[str, bytes], head: Head) -> dict[str, Received]:
    """Photos that media takes; of the others it is noted why not."""
    found: dict[str, Received] = {}
    for name, content in photos.items():
        try:
            found[name] = stack.enter_context(receive([ContentFile(content, name)], field="file"))[0]
        except DomainError as refusal:
            head.refused[name] = str(refusal)[:200]
    return found


def _write(
    actor: Actor, digest: str, kind: str, source: bytes, head: Head, received: dict[str, Received]
) -> ImportBatch:
    batch = ImportBatch(digest=digest, kind=kind, by_id=actor.person_id or 0, at=clock.now())
    rows = keep(list(received.values()), owner_ref=f"import:{batch.public_id}")
    head.photos = {name: row.public_id for name, row in zip(received, rows, strict=True)}
    batch.head = keys().seal(head.pack(), purpose=f"import-head:{batch.public_id}")
    batch.source = keys().seal(source, purpose=f"import-source:{batch.public_id}")
    batch.save(force_insert=True)
    record("reports.import_started", subject=f"import:{batch.public_id}", actor=actor.ref, kind=kind, photos=len(rows))
    _read_later(batch.public_id)
    return batch


def _read_later(public_id: str) -> None:
    """In the slow worker: reports of riders never wait behind somebody's file."""
    enqueue("reports.read_import", {"public_id": public_id}, key=f"read-import:{public_id}", priority=-10)


# ── looking at it ─────────────────────────────────────────────────────────────
@transaction.atomic
def map_import(*, actor: Actor, batch: str, mapping: dict[str, int]) -> None:
    """Say which column is what; the rows are read anew. Only before anything was made."""
    found = _locked(actor, batch, "ready")
    if found.kind != "table" or found.rows.filter(report__isnull=False).exists():
        raise errors.ImportMovedOn
    kept = checked(mapping, columns=10_000)
    if missing := [name for name in NEEDED if name not in kept]:
        raise Invalid("“内容”是哪一列，要选一下。", field=missing[0])
    ImportBatch.objects.filter(pk=found.pk).update(mapping=kept, state="reading")
    record("reports.import_mapped", subject=f"import:{batch}", actor=actor.ref)
    _read_later(batch)


@dataclass(frozen=True, slots=True)
class RowDecision:
    """What a clerk says of one row; None leaves it as it is. `match`: a rider's public id, "" for nobody."""

    choice: str | None = None
    place: Point | None = None
    same_as: str | None = None
    match: str | None = None


@transaction.atomic
def decide_import_row(*, actor: Actor, batch: str, row: str, decision: RowDecision) -> None:
    """New, the same as an existing one, or not at all; where it is; who wrote it."""
    _locked(actor, batch, *MAKEABLE)
    found = row_of(actor, batch, row)
    if found.state not in ("open", "failed"):
        raise errors.ImportMovedOn
    changes: dict[str, object] = {}
    if decision.choice is not None:
        if decision.choice not in ROW_CHOICES:
            raise Invalid("请选一项：新建、同一件、不导入。", field="choice")
        changes["choice"] = decision.choice
    if decision.same_as is not None or decision.choice == "same":
        changes["report_id"] = _same(actor, found, decision.same_as or "")
    elif decision.choice is not None:
        changes["report_id"] = None
    if "report_id" in changes:  # what was wrong with the choice before is not with this one
        changes["errors"] = found.errors = [one for one in found.errors if one["field"] != "same_as"]
    if decision.place is not None:
        changes |= _place(found, decision.place)
    if decision.match is not None:
        changes["match"] = _match(found, decision.match)
    ImportRow.objects.filter(pk=found.pk).update(**changes)
    record("reports.import_row_decided", subject=f"import:{batch}", actor=actor.ref, row=found.ordinal)


def _same(actor: Actor, row: ImportRow, public_id: str) -> int:
    if public_id not in {one["report"] for one in row.candidates}:
        raise Invalid("请在列出的里面选是哪一件。", field="same_as")
    return case(actor, public_id).pk


def _place(row: ImportRow, point: Point) -> dict[str, object]:
    in_city(point)
    faults = [one for one in row.errors if one["field"] != "place"]
    words = locate(point).describe[:200]
    return {"lat": point.lat, "lng": point.lng, "place": words, "place_by": "map", "errors": faults}


def _match(row: ImportRow, rider: str) -> bytes | None:
    """Only a rider who is called exactly as the sender, and only where a person says so."""
    if not rider:
        return None
    sender = said_of(row).sender
    if rider not in {one.public_id for one in riders_named([sender]).get(sender, [])}:
        raise Invalid("没有这个昵称的骑手。", field="match")
    return keys().seal(rider.encode(), purpose=f"import-match:{row.public_id}")


@transaction.atomic
def confirm_import(*, actor: Actor, batch: str) -> None:
    """Make the reports. Rows that lack something wait and can be confirmed later; those that failed are tried again."""
    found = _locked(actor, batch, *MAKEABLE)
    found.rows.filter(state="failed").update(state="open")
    ImportBatch.objects.filter(pk=found.pk).update(state="making")
    record("reports.import_confirmed", subject=f"import:{batch}", actor=actor.ref)
    ask_for_piece(batch, 0)


@transaction.atomic
def drop_import(*, actor: Actor, batch: str) -> None:
    """Throw a batch away that nothing was made of; its file may come again."""
    found = _locked(actor, batch, "reading", "ready", "failed")
    if found.rows.filter(state__in=("made", "same")).exists():
        raise errors.ImportMovedOn
    empty_batch(found, actor.ref)
    ImportBatch.objects.filter(pk=found.pk).update(state="dropped")
    record("reports.import_dropped", subject=f"import:{batch}", actor=actor.ref)


def empty_batch(batch: ImportBatch, actor: str, reason: str = "erasure") -> None:
    """Delete what a batch holds of people: rows, the file, photos that became part of no report."""
    plain = keys().open(bytes(batch.head), purpose=f"import-head:{batch.public_id}") if batch.head else b"{}"
    used = {name for names in batch.rows.filter(state="made").values_list("pictures", flat=True) for name in names}
    left = [name for name in Head.unpack(plain).photos.values() if name not in used]
    if left:
        destroy_originals(left, actor=actor, reason=reason, copies=True)
    batch.rows.all().delete()
    ImportBatch.objects.filter(pk=batch.pk).update(head=None, source=None, mapping={})


def _locked(actor: Actor, batch: str, *states: str) -> ImportBatch:
    found = batch_of(actor, batch)
    locked = ImportBatch.objects.select_for_update(no_key=True).get(pk=found.pk)
    if locked.state not in states:
        raise errors.ImportMovedOn
    return locked


__all__ = [
    "RowDecision",
    "Started",
    "confirm_import",
    "decide_import_row",
    "drop_import",
    "import_upload",
    "map_import",
]
