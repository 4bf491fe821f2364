"""The job that reads a batch: rows with class, level, place, photos, candidates, and what is wrong with each.

Retries  reading again writes the same rows anew, in one transaction; a batch that is read already is left alone. Files are
         read and classified before that transaction: nobody else waits for it.
Errors   a file that can't be read ends its batch as `failed`, with the sentence that says why; so does anything else that
         still happens on the last of TRIES.
Cost     one statement for all candidates, one for all rows.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from django.db import transaction

from qixia.audit.services import record
from qixia.kernel import clock
from qixia.kernel.errors import DomainError
from qixia.kernel.geo import Point
from qixia.kernel.ids import new_public_id
from qixia.kernel.keys import keys
from qixia.people.access import Actor, actor_for
from qixia.places.queries import find_words, in_city, locate
from qixia.reports import access
from qixia.reports.importing.archives import is_workbook
from qixia.reports.importing.chat import read_chat
from qixia.reports.importing.columns import guess
from qixia.reports.importing.limits import BadFile
from qixia.reports.importing.parts import Head
from qixia.reports.importing.rows import Draft, Fault, rows_of_chat, rows_of_table
from qixia.reports.importing.sheets import Table, read_excel, read_separated
from qixia.reports.models import ImportBatch, ImportRow, Report
from qixia.triage.candidates import similar_many
from qixia.triage.queries import Seen
from qixia.triage.services import Verdict, classify_many

READER = "system:import"
TRIES = 3
UNREADABLE = "系统读不了这个文件，问题不在你。请换一种格式或分成几份再导入；还是不行，请告诉管理员。"
OFFERED = 3
log = logging.getLogger("qixia.reports")


def read_import(*, public_id: str, tries: int = 1) -> int:
    """Read a batch that waits for it; how many rows. `tries`: which one of the job's this is. What the last one stumbles
    over, or whoever died at it each time, ends the batch: it can be dropped, and the file comes again."""
    batch = ImportBatch.objects.filter(public_id=public_id, state="reading").first()
    if batch is None or batch.source is None or batch.head is None:
        return 0
    if tries > TRIES:
        return _end(batch, UNREADABLE)
    try:
        return _read(batch)
    except BadFile as refusal:
        return _end(batch, str(refusal))
    except Exception:
        if tries < TRIES:
            raise
        log.exception("an import can't be read", extra={"batch": public_id})
        return _end(batch, UNREADABLE)


def _read(batch: ImportBatch) -> int:
    assert batch.source is not None
    assert batch.head is not None
    asked = dict(batch.mapping)
    head = Head.unpack(keys().open(bytes(batch.head), purpose=f"import-head:{batch.public_id}"))
    source = keys().open(bytes(batch.source), purpose=f"import-source:{batch.public_id}")
    return _write(batch, _rows(batch, _drafts(batch, source, head), head), head, asked)


@transaction.atomic
def _end(batch: ImportBatch, fault: str) -> int:
    if ImportBatch.objects.filter(pk=batch.pk, state="reading").update(state="failed", fault=fault[:200]):
        record("reports.import_failed", subject=f"import:{batch.public_id}", actor=READER)
    return 0


@transaction.atomic
def _write(batch: ImportBatch, rows: Sequence[ImportRow], head: Head, asked: dict[str, int]) -> int:
    """All rows at once, unless the batch was read, dropped or given other columns in the meantime."""
    public_id = batch.public_id
    now = ImportBatch.objects.select_for_update(no_key=True).filter(pk=batch.pk, state="reading").first()
    if now is None or now.mapping != asked:
        return 0
    batch.rows.all().delete()
    ImportRow.objects.bulk_create(rows, batch_size=200)
    sealed = keys().seal(head.pack(), purpose=f"import-head:{public_id}")
    ImportBatch.objects.filter(pk=batch.pk).update(
        state="ready", fault="", count=len(rows), mapping=batch.mapping, head=sealed
    )
    record("reports.import_read", subject=f"import:{public_id}", actor=READER, rows=len(rows))
    return len(rows)


def _drafts(batch: ImportBatch, source: bytes, head: Head) -> list[Draft]:
    today = clock.city_date(clock.now())
    if batch.kind == "chat":
        return list(rows_of_chat(read_chat(source.decode(), today)))
    table: Table = read_excel(source) if is_workbook(source) else read_separated(source)
    head.headings = list(table.headings)
    batch.mapping = batch.mapping or guess(table.headings)
    if "text" not in batch.mapping:
        batch.mapping |= _longest(table)
    return list(rows_of_table(table.lines, batch.mapping, today))


def _longest(table: Table) -> dict[str, int]:
    """Where no heading says so, the column with the longest texts is what happened."""
    width = len(table.headings)
    lengths = [sum(len(line.cells[at]) for line in table.lines if at < len(line.cells)) for at in range(width)]
    return {"text": lengths.index(max(lengths))}


def _rows(batch: ImportBatch, drafts: Sequence[Draft], head: Head) -> list[ImportRow]:
    verdicts = classify_many([(draft.said.words, None) for draft in drafts])
    rows = [
        _row(batch, number, draft, verdict, head)
        for number, (draft, verdict) in enumerate(zip(drafts, verdicts, strict=True), 1)
    ]
    _find_candidates(rows, drafts, actor_for(batch.by_id))
    _pass_over(rows, batch)
    return rows


def _pass_over(rows: Sequence[ImportRow], batch: ImportBatch) -> None:
    """What an earlier batch of the same clerk held is not offered as new: tomorrow's export of a group begins with
    today's. What others brought in says nothing here."""
    asked = {row.mark for row in rows if row.mark}
    settled = ImportRow.objects.filter(mark__in=asked, batch__by_id=batch.by_id, state__in=("made", "same", "skipped"))
    before = set(settled.exclude(batch=batch).values_list("mark", flat=True))
    for row in rows:
        if row.mark in before:
            row.choice, row.report = "skip", None
            row.errors.append(asdict(Fault("text", "以前导入过，先不再导入", blocks=False)))


def _mark(draft: Draft) -> str:
    at = draft.at.isoformat(timespec="minutes") if draft.at else draft.said.time
    if not at:
        return ""  # the same words without a time may be a new matter
    said = "\n".join((at, draft.said.place, draft.said.text, *draft.said.photos))
    return keys().blind_index(said, purpose="import-row")


def _row(batch: ImportBatch, number: int, draft: Draft, verdict: Verdict, head: Head) -> ImportRow:
    public_id = new_public_id()
    row = ImportRow(public_id=public_id, batch=batch, ordinal=number, line=draft.line, choice=draft.choice)
    row.said_at, row.mark = _aware(draft.at), _mark(draft)
    row.cls, row.severity = verdict.cls, verdict.severity
    row.pictures = [head.photos[name] for name in draft.said.photos if name in head.photos]
    for name in draft.said.photos:
        if name not in head.photos:
            why = head.refused.get(name) or "压缩包里没有这张照片"
            draft.faults.append(Fault("photos", f"{name}：{why}"[:160], blocks=False))
    _find_place(row, draft)
    if draft.choice == "new" and verdict.is_blank and not row.pictures:
        row.choice = "skip"
        draft.faults.append(Fault("text", "看不出是什么问题", blocks=False))
    row.said = keys().seal(draft.said.pack(), purpose=f"import-said:{public_id}")
    row.errors = [asdict(fault) for fault in draft.faults]
    return row


def _aware(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=clock.CITY_TZ).astimezone(UTC) if at else None


def _find_place(row: ImportRow, draft: Draft) -> None:
    """By the list's own coordinates, else by its words; else a person points at the map."""
    if draft.point is not None:
        point = Point(*draft.point)
        try:
            in_city(point)
        except DomainError:
            draft.faults.append(Fault("place", "经纬度不在本地范围内", blocks=False))
        else:
            row.lat, row.lng, row.place, row.place_by = point.lat, point.lng, locate(point).describe[:200], "words"
            return
    hit = find_words(f"{draft.said.place} {draft.said.text}")
    if hit is None:
        draft.faults.append(Fault("place", "不知道在哪里，请在地图上点一下"))
        return
    row.lat, row.lng, row.place_by = hit.point.lat, hit.point.lng, "words"
    row.place = locate(hit.point).describe[:200]


def _find_candidates(rows: Sequence[ImportRow], drafts: Sequence[Draft], clerk: Actor) -> None:
    """Reports that may be the same, the likeliest first; one that surely is the same is chosen."""
    placed = [(row, draft) for row, draft in zip(rows, drafts, strict=True) if row.lat is not None]
    now = clock.now()
    found = similar_many([_seen(row, draft, now) for row, draft in placed], limit=OFFERED, now=now) if placed else []
    known = _known({one.ref for candidates in found for one in candidates})
    likely: dict[int, str] = {}
    for (row, _draft), candidates in zip(placed, found, strict=True):
        row.candidates = [
            {"report": known[one.ref], "percent": round(100 * one.score), "metres": round(one.distance_m)}
            for one in candidates
            if one.ref in known and one.verdict != "recurrence"
        ]
        surest = candidates[0] if candidates else None
        if row.choice == "new" and surest and surest.verdict == "same" and surest.ref in known:
            likely[row.ordinal] = known[surest.ref]
    # Only what the clerk can open is chosen beforehand.
    seen = {report.public_id: report for report in access.cases(clerk).filter(public_id__in=set(likely.values()))}
    for row in rows:
        if (found_report := seen.get(likely.get(row.ordinal, ""))) is not None:
            row.choice, row.report = "same", found_report


def _seen(row: ImportRow, draft: Draft, now: datetime) -> Seen:
    assert row.lat is not None
    assert row.lng is not None
    return Seen("", row.lat, row.lng, None, row.said_at or now, draft.said.words, row.cls)


def _known(refs: set[str]) -> dict[str, str]:
    """Ref → public id of the report that it goes on in."""
    ids = [ref.removeprefix("report:") for ref in refs]
    rows = Report.objects.filter(public_id__in=ids).values_list("public_id", "merged_into__public_id") if ids else []
    return {f"report:{public_id}": into or public_id for public_id, into in rows}


__all__ = ["read_import"]
