"""What became of a report beyond the fix: measures against who caused it, and praise for who reported it.

Measure  append-only by trigger: a wrong one is corrected by a new one that names it, once; the last of such a row stands.
         The party may be a person, so it is sealed; it is for the staff of the unit and of the place alone.
Result   append-only as well; the words of both stand in the history.
Praise   once a report and unit. It names neither who is praised (the report's own link says so) nor a moment.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from qixia.kernel.ids import new_public_id
from qixia.reports.models.report import Report

# 已履行, 履行中, 有异议
MEASURE_RESULTS = ("complied", "pending", "objected")


class Measure(models.Model):
    """Ordered to mend, warned, fined …; `kind` is a slug of the policy "reports.measures"."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="measures")
    kind = models.CharField(max_length=32)
    unit = models.ForeignKey("people.Organisation", on_delete=models.PROTECT, related_name="+")
    document = models.CharField(max_length=60, blank=True)
    fen = models.BigIntegerField(null=True)
    day = models.DateField()
    sealed_party = models.BinaryField(null=True)
    replaces = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="replaced_by")
    at = models.DateTimeField()
    actor = models.CharField(max_length=80)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(fen__isnull=True) | Q(fen__gt=0), name="reports_measure_amount"),
        ]

    def __str__(self) -> str:
        return self.public_id


class MeasureResult(models.Model):
    """How the party took it. The latest stands."""

    measure = models.ForeignKey(Measure, on_delete=models.PROTECT, related_name="results")
    state = models.CharField(max_length=8)
    at = models.DateTimeField()
    actor = models.CharField(max_length=80)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=MEASURE_RESULTS), name="reports_measure_result"),
        ]

    def __str__(self) -> str:
        return f"{self.measure_id} {self.state}"


class Praise(models.Model):
    """A unit praises whoever reported it, and does not learn who that is."""

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="praises")
    unit = models.ForeignKey("people.Organisation", on_delete=models.PROTECT, related_name="+")
    text = models.CharField(max_length=200)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["report", "unit"], name="reports_praised_once")]

    def __str__(self) -> str:
        return f"{self.unit_id} → {self.report_id}"
