"""What clerks keep beside a report: filters, watches, bulk runs, private notes, documents.

Secrecy  nothing here names a rider. Notes and the names of documents are sealed: they hold what staff say among
         themselves, which is often personal. A document's bytes lie sealed beside the originals of photos.
Who      a note and a document have an audience (AUDIENCES); queries/papers.py is the only reader.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from qixia.kernel.ids import new_public_id
from qixia.reports.models.report import Report

# case: all staff who may see the case; clerks: clerks and supervisors; own: the organisation of the writer alone.
AUDIENCES = ("case", "clerks", "own")
BULK_STATES = ("waiting", "done", "refused")


class SavedFilter(models.Model):
    """A filter of a list that somebody named. `query` is what stands in the address, made anew from known parts."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    owner = models.ForeignKey("people.Person", on_delete=models.CASCADE, related_name="+")
    # Set: everybody of this organisation has the chip too.
    shared_with = models.ForeignKey("people.Organisation", on_delete=models.CASCADE, null=True, related_name="+")
    name = models.CharField(max_length=20)
    query = models.CharField(max_length=400)
    is_default = models.BooleanField(default=False)  # what the owner's queue opens with

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "name"], name="reports_filter_name"),
            models.UniqueConstraint(fields=["owner"], condition=Q(is_default=True), name="reports_filter_default"),
        ]

    def __str__(self) -> str:
        return self.name


class Watch(models.Model):
    """A member of staff wants to know what becomes of a report."""

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="watches")
    person = models.ForeignKey("people.Person", on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["report", "person"], name="reports_watch_once")]


class BulkRun(models.Model):
    """One act on many reports. `key` is of the page that asked: the same key with the same body is the same run.

    The words that it writes are not kept here: who presses again sends them again, and `body` holds their digest."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    person = models.ForeignKey("people.Person", on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=80)
    body = models.CharField(max_length=64)
    act = models.CharField(max_length=16)
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["person", "key"], name="reports_bulk_key")]

    def __str__(self) -> str:
        return self.public_id


class BulkRow(models.Model):
    """One report of a run. It leaves `waiting` in the transaction of its step, so no step is taken twice."""

    run = models.ForeignKey(BulkRun, on_delete=models.CASCADE, related_name="rows")
    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=7, default="waiting")
    why = models.CharField(max_length=200, blank=True)  # the refusal, in the words of who pressed

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "report"], name="reports_bulk_once"),
            models.CheckConstraint(condition=Q(state__in=BULK_STATES), name="reports_bulk_state"),
        ]


class CaseNote(models.Model):
    """What staff tell each other about a case. Written once, never changed; no rider reads it."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="notes")
    author = models.ForeignKey("people.Person", on_delete=models.PROTECT, related_name="+")
    organisation = models.ForeignKey("people.Organisation", on_delete=models.PROTECT, related_name="+")
    audience = models.CharField(max_length=6)
    sealed_text = models.BinaryField()
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(audience__in=AUDIENCES), name="reports_note_audience"),
        ]
        indexes: ClassVar = [models.Index(fields=["report", "id"], name="reports_notes")]


class CaseDocument(models.Model):
    """A paper that belongs to a case: a contract, a letter, a list. Removed: the key is gone, the row stays."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="documents")
    author = models.ForeignKey("people.Person", on_delete=models.PROTECT, related_name="+")
    organisation = models.ForeignKey("people.Organisation", on_delete=models.PROTECT, related_name="+")
    audience = models.CharField(max_length=6)
    kind = models.CharField(max_length=4)  # documents.KINDS, by content
    bytes = models.PositiveIntegerField()
    sealed_name = models.BinaryField()
    storage_name = models.CharField(max_length=40, unique=True)
    wrapped_key = models.BinaryField(null=True)
    key_id = models.CharField(max_length=8, blank=True, default="", db_index=True)
    at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(audience__in=AUDIENCES), name="reports_document_audience"),
            models.CheckConstraint(
                condition=Q(removed_at=None) ^ Q(wrapped_key=None), name="reports_document_removed_has_no_key"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["report", "id"], name="reports_documents")]

    def __str__(self) -> str:
        return self.public_id
