"""The job that makes reports of a confirmed batch, row by row, each in a transaction of its own.

Exactly once  a row's report is written under a key of batch and row, and the row is marked in the same transaction: after a
              kill the next run goes on behind the last row that was made.
Secrecy       what nobody was recognised for has no reporter (secrecy "none") and earns nothing. A rider whom a person
              recognised is sealed into the report as if he or she had sent it; the row then forgets who that was.
Same          a row that is the same as an existing report makes none: that report's history says so, without the words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from qixia.audit.services import record
from qixia.jobs.services import Ask, enqueue_many
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


def make_import(*, public_id: str) -> int:
    """Make what is not made yet; how many reports. The batch is done when every row was looked at."""
    batch = ImportBatch.objects.filter(public_id=public_id, state="making").first()
    if batch is None:
        return 0
    made = 0
    for pk in list(batch.rows.filter(state__in=("open", "failed")).order_by("ordinal").values_list("pk", flat=True)):
        made += _make(batch, pk)
        kill_point("import.row_made")
    with transaction.atomic():
        if ImportBatch.objects.filter(pk=batch.pk, state="making").update(state="done"):
            record("reports.import_done", subject=f"import:{public_id}", actor=MAKER, made=made)
    return made


@transaction.atomic
def _make(batch: ImportBatch, pk: int) -> int:
    rows = ImportRow.objects.select_for_update(no_key=True, of=("self",))
    row = rows.select_related("report").filter(pk=pk, state__in=("open", "failed")).first()
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


def _fail(row: ImportRow, field: str, text: str) -> None:
    faults = [one for one in row.errors if one["field"] != field]
    faults.append({"field": field, "text": text, "blocks": True})
    ImportRow.objects.filter(pk=row.pk).update(state="failed", errors=faults)


__all__ = ["make_import"]
