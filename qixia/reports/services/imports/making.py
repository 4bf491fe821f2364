"""The job that makes reports of a confirmed batch, row by row, each in a transaction of its own.

Pieces        a job makes PIECE rows and asks for the next one: whoever sends notices waits for one piece, not for a batch.
Exactly once  a row's report is written under a key of batch and row, and the row is marked in the same transaction: after a
              kill the next run goes on behind the last row that was made. A job that runs twice finds other rows, or none.
Errors        a row that can't be made fails with the reason and keeps no other waiting: what is wrong with its words at
              once, anything else when the job's tries are used up.
Secrecy       what nobody was recognised for has no reporter (secrecy "none") and earns nothing. A rider whom a person
              recognised is sealed into the report as if he or she had sent it; the row then forgets who that was.
Same          a row that is the same as an existing report makes none: that report's history says so, without the words.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from qixia.audit.services import record
from qixia.jobs.services import Ask, enqueue, enqueue_many
from qixia.kernel import clock
from qixia.kernel.errors import DomainError
from qixia.kernel.faults import kill_point
from qixia.kernel.keys import keys
from qixia.media.services import give_to
from qixia.reports import rules, states
from qixia.reports.models import ImportBatch, ImportRow, Report, ReportPhoto
from qixia.reports.queries.imports import said_of
from qixia.reports.sealing import IMPORTED, NONE, SEALED, index_of, seal_link
from qixia.reports.services.arriving.intake import Pictures, take_in
from qixia.reports.services.moves import note_step

MAKER = "system:import"
PIECE = 25  # rows of one job: a second or two of work
log = logging.getLogger("qixia.reports")


def make_import(*, public_id: str, last_try: bool = False) -> int:
    """Make the next rows that wait; how many reports. The batch is done when every row was looked at. On the last try of
    a job the row at which it stops fails, and the others go on."""
    batch = ImportBatch.objects.filter(public_id=public_id, state="making").first()
    if batch is None:
        return 0
    made = 0
    for pk in list(batch.rows.filter(state="open").order_by("ordinal").values_list("pk", flat=True)[:PIECE]):
        try:
            made += _make(batch, pk)
        except Exception:
            if not last_try:
                raise
            log.exception("a row of an import can't be made", extra={"batch": public_id})
            _give_up(pk)
        kill_point("import.row_made")
    _go_on(batch)
    kill_point("import.piece_made")
    return made


@transaction.atomic
def _go_on(batch: ImportBatch) -> None:
    """Ask for the next piece, or end. The key is of the row where it begins: whoever comes here twice asks once."""
    if not ImportBatch.objects.select_for_update(no_key=True).filter(pk=batch.pk, state="making").first():
        return
    left = batch.rows.filter(state="open").order_by("ordinal").values_list("ordinal", flat=True).first()
    if left is not None:
        ask_for_piece(batch.public_id, left)
        return
    ImportBatch.objects.filter(pk=batch.pk).update(state="done")
    made = batch.rows.filter(state="made").count()
    record("reports.import_done", subject=f"import:{batch.public_id}", actor=MAKER, made=made)


def ask_for_piece(public_id: str, begins: int) -> None:
    """In the slow worker, behind the notices: reports of riders never wait behind somebody's file."""
    enqueue("reports.make_import", {"public_id": public_id}, key=f"make-import:{public_id}:{begins}", priority=-10)


@transaction.atomic
def _give_up(pk: int) -> None:
    row = ImportRow.objects.select_for_update(no_key=True).get(pk=pk)
    if row.state == "open":
        _fail(row, "text", "这一行没能生成，请再确认一次；还是不行，请告诉管理员", blocks=False)


@transaction.atomic
def _make(batch: ImportBatch, pk: int) -> int:
    rows = ImportRow.objects.select_for_update(no_key=True, of=("self",))
    row = rows.select_related("report").filter(pk=pk, state="open").first()
    if row is None:
        return 0
    if row.choice == "skip":
        _settle(row, "skipped")
        return 0
    if row.choice == "same" and row.report:
        if _say_same(row, row.report):
            _settle(row, "same", report=row.report)
        else:
            _fail(row, "same_as", "那一件已经了结，不能再并进去。请改选“新建”")
        return 0
    # A place that was pointed at, or choosing anew, may have mended what was wrong before.
    if row.lat is None or any(fault["blocks"] for fault in row.errors):
        ImportRow.objects.filter(pk=row.pk).update(state="failed")
        return 0
    try:
        with transaction.atomic():  # what one row can't be must not keep the others waiting
            _settle(row, "made", report=_report(batch, row))
    except DomainError as refusal:
        _fail(row, "text", str(refusal))
        return 0
    kill_point("import.row_written")
    return 1


def _report(batch: ImportBatch, row: ImportRow) -> Report:
    said = said_of(row)
    rider = keys().open(bytes(row.match), purpose=f"import-match:{row.public_id}").decode() if row.match else ""
    values: dict[str, Any] = {
        "words": rules.clean_text(said.words, field="text", limit=rules.WORDS_MAX),
        "lat": row.lat,
        "lng": row.lng,
        "place_source": "map",
        "captured_at": row.said_at if row.said_at and row.said_at <= clock.now() else None,
        "name_hidden": True,
    }
    key = f"import-{batch.public_id}-{row.ordinal}"
    receipt = take_in(_Group(f"import:{batch.public_id}", rider), key, values, Pictures([]))
    report = Report.objects.get(public_id=receipt.public_id)
    pictures = give_to(public_ids=row.pictures, owner_ref=report.ref, was=f"import:{batch.public_id}")
    now = clock.now()
    ReportPhoto.objects.bulk_create(
        ReportPhoto(report=report, evidence_id=pk, role="before", position=index, at=now, by_reporter=bool(rider))
        for index, pk in enumerate(pictures)
    )
    enqueue_many(Ask("reports.look_at_imported", {"evidence": name}, priority=-20) for name in row.pictures)
    return report


@dataclass(frozen=True, slots=True)
class _Group:
    """A chat group or a list; `rider` is the public id of whoever a person recognised, "" for nobody."""

    sender: str
    rider: str
    history = IMPORTED

    def columns(self, public_id: str) -> dict[str, Any]:
        if not self.rider:
            return {"secrecy": NONE}
        return {
            "secrecy": SEALED,
            "reporter_link": seal_link(self.rider, report=public_id),
            "reporter_index": index_of(self.rider),
        }

    def check(self) -> None:
        """A batch is bounded already."""


def _say_same(row: ImportRow, report: Report) -> bool:
    """The history of the existing report says so; False where nothing can be added to it any more."""
    if not states.allowed("mention", report.state):
        return False
    note_step(report, "mention", before=report.state, after=report.state, actor=MAKER, data={"row": row.ordinal})
    return True


def _settle(row: ImportRow, state: str, report: Report | None = None) -> None:
    """Mark the row, and let go of whom it named: who reported is the report's own secret from here on."""
    changes: dict[str, Any] = {"state": state, "report": report, "match": None}
    if row.match:
        said = said_of(row)
        said.sender = said.phone = ""
        changes["said"] = keys().seal(said.pack(), purpose=f"import-said:{row.public_id}")
    ImportRow.objects.filter(pk=row.pk).update(**changes)


def _fail(row: ImportRow, field: str, text: str, *, blocks: bool = True) -> None:
    faults = [one for one in row.errors if one["field"] != field]
    faults.append({"field": field, "text": text, "blocks": blocks})
    ImportRow.objects.filter(pk=row.pk).update(state="failed", errors=faults)


__all__ = ["ask_for_piece", "make_import"]
