"""What makes a clock of a report stand still or run longer, and what was already said about it.

Truth    `resolve_due` and `verify_due` of a report are worked out from its limit, the working calendar, its pauses and
         the extensions that were granted (reports/clocks.py); the first answer knows none of these.
Once     a ClockNote is written in the transaction that tells: its row is why nobody is told twice.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from qixia.kernel.ids import new_public_id
from qixia.reports.models.report import Report

CLOCKS = ("receive", "answer", "resolve", "verify")


class ClockPause(models.Model):
    """A time in which the clock of resolving or verifying stood still. The one without an end is going on."""

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="pauses")
    clock = models.CharField(max_length=7)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=40)  # key in the policy's list

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["report"], condition=Q(ended_at__isnull=True), name="reports_one_pause"),
            models.CheckConstraint(condition=Q(clock__in=("resolve", "verify")), name="reports_pause_clock"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("started_at")), name="reports_pause_forward"
            ),
        ]


class Extension(models.Model):
    """More time that a unit asked for. `granted` is empty until the supervisor decides."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="extensions")
    asked_at = models.DateTimeField()
    span = models.CharField(max_length=16)
    reason = models.TextField()
    by = models.CharField(max_length=80)  # the unit
    round = models.PositiveSmallIntegerField(default=0)  # restarts of the clock before it
    granted = models.BooleanField(null=True)
    decided_at = models.DateTimeField(null=True)
    answer = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["report"], condition=Q(granted__isnull=True), name="reports_one_request"),
            models.CheckConstraint(
                condition=Q(granted__isnull=True, decided_at__isnull=True)
                | Q(granted__isnull=False, decided_at__isnull=False),
                name="reports_request_decided",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["asked_at"], condition=Q(granted__isnull=True), name="reports_requests_open"),
        ]


class ClockNote(models.Model):
    """That the moment `at` (in hundredths of the limit) of a clock was dealt with, once for each run of the clock."""

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="+")
    clock = models.CharField(max_length=7)
    at = models.PositiveSmallIntegerField()
    round = models.PositiveSmallIntegerField(default=0)
    noted_at = models.DateTimeField()
    told = models.BooleanField(default=True)  # False: it had passed before anybody looked

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["report", "clock", "at", "round"], name="reports_reminded_once"),
            models.CheckConstraint(condition=Q(clock__in=CLOCKS), name="reports_note_clock"),
        ]


class ClockRun(models.Model):
    """The one row that says by which calendar and limits the open reports were last worked out, and how far."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    stamp = models.CharField(max_length=60, blank=True)  # what all open reports follow
    target = models.CharField(max_length=60, blank=True)  # what the run under way follows
    after = models.BigIntegerField(default=0)  # the last report that it has done
    calendar = models.JSONField(default=dict)  # {"old", "new"}: days and office hours of the run

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=Q(id=1), name="reports_one_clock_run")]
