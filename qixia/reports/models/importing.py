"""What clerks bring in from a WeChat group or a spreadsheet: a batch, a row for each message or line.

Truth    a row becomes at most one report, in the transaction that marks it `made`. `digest` tells a file that came before.
Secrecy  names, phones, words and the file itself are sealed and deleted after the retention days. `match` names a rider
         whom a person recognised; it is empty again once the report, which seals it anew, is there.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from qixia.kernel.ids import new_public_id
from qixia.reports.models.report import Report

BATCH_STATES = ("reading", "ready", "making", "done", "failed", "dropped")
BATCH_KINDS = ("chat", "table")
ROW_CHOICES = ("new", "same", "skip")
ROW_STATES = ("open", "made", "same", "skipped", "failed")


class ImportBatch(models.Model):
    """One paste or upload. `head` is sealed JSON: name, columns, photos by name; `source` the sealed text or table."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    digest = models.CharField(max_length=64)
    kind = models.CharField(max_length=5)
    state = models.CharField(max_length=7, default="reading")
    fault = models.CharField(max_length=200, blank=True)  # why it failed, as a sentence
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    head = models.BinaryField(null=True)
    source = models.BinaryField(null=True)
    mapping = models.JSONField(default=dict)  # field → column of a table
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=BATCH_STATES), name="reports_import_state"),
            models.CheckConstraint(condition=Q(kind__in=BATCH_KINDS), name="reports_import_kind"),
            models.UniqueConstraint(
                fields=["digest"], condition=~Q(state__in=["failed", "dropped"]), name="reports_import_once"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["by", "-id"], name="reports_imports_of")]

    def __str__(self) -> str:
        return self.public_id


class ImportRow(models.Model):
    """One message or line. `said` is sealed JSON of what it says; `errors` a list of {field, text}."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    batch = models.ForeignKey(ImportBatch, on_delete=models.PROTECT, related_name="rows", db_index=False)
    ordinal = models.PositiveIntegerField()
    line = models.PositiveIntegerField()
    said = models.BinaryField(null=True)
    # Keyed, of time and words: tells what an earlier export of the same group held. Of nobody's name.
    mark = models.CharField(max_length=64, blank=True, db_default="", default="")
    said_at = models.DateTimeField(null=True)
    cls = models.CharField(max_length=40, blank=True)
    severity = models.CharField(max_length=8, blank=True)
    lat = models.FloatField(null=True)
    lng = models.FloatField(null=True)
    place = models.CharField(max_length=200, blank=True)
    place_by = models.CharField(max_length=6, blank=True)  # words: found in the text; map: by hand
    pictures = models.JSONField(default=list)  # public ids of evidence
    errors = models.JSONField(default=list)
    candidates = models.JSONField(default=list)  # [{report, percent, metres}]
    choice = models.CharField(max_length=4, default="new")
    match = models.BinaryField(null=True)
    state = models.CharField(max_length=7, default="open")
    report = models.ForeignKey(Report, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(choice__in=ROW_CHOICES), name="reports_import_choice"),
            models.CheckConstraint(condition=Q(state__in=ROW_STATES), name="reports_import_row_state"),
            models.UniqueConstraint(fields=["batch", "ordinal"], name="reports_import_row_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["mark"], condition=~Q(mark=""), name="reports_import_marks")]

    def __str__(self) -> str:
        return f"{self.batch_id} {self.ordinal}"
