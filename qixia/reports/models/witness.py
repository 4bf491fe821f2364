"""A second rider's look at a place that is said to be done.

Secrecy  who looked is sealed like who supports: a link of its own, a keyed index with another purpose, no time but the day.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from qixia.kernel.ids import new_public_id
from qixia.reports.models.report import Report


class Witness(models.Model):
    """A rider who passed by, none of the reporter's circle, says whether it is fixed. The photo stands with the report.

    Link and index are empty once the rider was erased; what was seen still counts.
    """

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="witnesses")
    link = models.BinaryField(null=True)
    index = models.CharField(max_length=40, null=True)  # noqa: DJ001 — nobody is not ""
    day = models.DateField()
    fixed = models.BooleanField()
    distance_m = models.PositiveIntegerField()  # of the phone from the reported place
    points = models.IntegerField(null=True)  # None before the batch that pays

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(link__isnull=False, index__isnull=False) | Q(link__isnull=True, index__isnull=True),
                name="reports_witness_sealed",
            ),
            models.UniqueConstraint(fields=["report", "index"], name="reports_witness_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["index", "-id"], name="reports_own_witnesses"),
            models.Index(fields=["day"], condition=Q(points__isnull=True), name="reports_witness_unpaid"),
        ]

    def __str__(self) -> str:
        return self.public_id
