"""Something critical that rings until a person says: I have it.

Truth    one row a report; `ended_at` empty means that it rings. Acknowledged, or stood down because the report ended or is
         critical no longer. `changed_at` moves with every write, so that a page can ask whether anything is new.
Calls    who was called when, exactly once a person and level. Staff only: nobody here is a reporter.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from qixia.kernel.ids import new_public_id
from qixia.reports.models.report import Report


class Alarm(models.Model):
    """A report that rings. `level` counts how many levels of people were called; `next_at` is when the next one is."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    report = models.OneToOneField(Report, on_delete=models.PROTECT, related_name="alarm")
    rang_at = models.DateTimeField()
    level = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    changed_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(acknowledged_by__isnull=True) | Q(ended_at__isnull=False), name="reports_alarm_answered"
            ),
        ]
        indexes: ClassVar = [
            # Partial: what rings now is little, whatever rang before.
            models.Index(fields=["next_at", "id"], condition=Q(ended_at__isnull=True), name="reports_alarm_rings"),
            models.Index(fields=["ended_at"], condition=Q(ended_at__isnull=False), name="reports_alarm_ended"),
        ]

    def __str__(self) -> str:
        return self.public_id


class AlarmCall(models.Model):
    """Somebody who was called. `rank` says as what: 1 is the first level."""

    alarm = models.ForeignKey(Alarm, on_delete=models.PROTECT, related_name="calls")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    rank = models.PositiveSmallIntegerField()
    role = models.CharField(max_length=20)
    place = models.CharField(max_length=80, blank=True)  # of which division, or which unit
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["alarm", "person", "rank"], name="reports_called_once"),
        ]

    def __str__(self) -> str:
        return f"{self.alarm_id} {self.rank}"
