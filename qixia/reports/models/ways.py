"""Several units for one matter: who helps with a report, and what units undertake together.

Secrecy  nothing here knows a rider: a link to an undertaking has no time and no author, since "the rider asked for it and
         it was linked" would stand side by side.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from qixia.kernel.ids import new_public_id
from qixia.reports.models.report import Report

HELP_STATES = ("asked", "done", "waived")
UNDERTAKING_STATES = ("open", "done", "dropped")


class Help(models.Model):
    """One unit that helps another with a report. Asked again after it is done, the same row is open again."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="helps")
    unit = models.ForeignKey("people.Organisation", on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=6, default="asked")
    words = models.TextField()  # what is asked for
    said = models.TextField(blank=True)  # what was done, or why it is waived
    asked_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=HELP_STATES), name="reports_help_state"),
            models.CheckConstraint(
                condition=Q(state="asked", ended_at__isnull=True) | (~Q(state="asked") & Q(ended_at__isnull=False)),
                name="reports_help_ended",
            ),
            models.UniqueConstraint(fields=["report", "unit"], name="reports_help_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["unit", "state", "-id"], name="reports_helping")]

    def __str__(self) -> str:
        return self.public_id


class Undertaking(models.Model):
    """What several units do together for many reports: 200 parking places. `lat` and `lng` are the new facility's."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    title = models.CharField(max_length=60)
    aim = models.TextField()
    state = models.CharField(max_length=7, default="open")
    lead = models.ForeignKey("people.Organisation", on_delete=models.PROTECT, related_name="+")
    community = models.ForeignKey("codes.Division", on_delete=models.PROTECT, null=True, related_name="+")
    due = models.DateField()
    started_at = models.DateTimeField()
    started_by = models.CharField(max_length=80)
    ended_at = models.DateTimeField(null=True)
    result = models.TextField(blank=True)
    quantity = models.PositiveIntegerField(null=True)
    measure = models.CharField(max_length=20, blank=True)  # what is counted: 个车位
    site = models.ForeignKey("places.Site", on_delete=models.SET_NULL, null=True, related_name="+")
    lat = models.FloatField(null=True)
    lng = models.FloatField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=UNDERTAKING_STATES), name="reports_undertaking_state"),
            models.CheckConstraint(
                condition=Q(state="open", ended_at__isnull=True) | (~Q(state="open") & Q(ended_at__isnull=False)),
                name="reports_undertaking_ended",
            ),
            models.CheckConstraint(
                condition=Q(lat__isnull=True, lng__isnull=True)
                | Q(lat__gte=-90, lat__lte=90, lng__gte=-180, lng__lte=180),
                name="reports_undertaking_on_earth",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["state", "-id"], name="reports_undertakings"),
            models.Index(fields=["lat", "lng"], condition=Q(state="done"), name="reports_facilities"),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def ref(self) -> str:
        return f"undertaking:{self.public_id}"


class UndertakingTask(models.Model):
    """Who does what by when. The units with tasks, and the lead, are the members."""

    undertaking = models.ForeignKey(Undertaking, on_delete=models.PROTECT, related_name="tasks")
    unit = models.ForeignKey("people.Organisation", on_delete=models.PROTECT, related_name="+")
    what = models.CharField(max_length=200)
    due = models.DateField()
    done_at = models.DateTimeField(null=True)
    said = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar = ["due", "id"]
        indexes: ClassVar = [models.Index(fields=["unit", "done_at"], name="reports_tasks_of_unit")]

    def __str__(self) -> str:
        return self.what


class UndertakingReport(models.Model):
    """A report that an undertaking is to answer; of one at a time."""

    undertaking = models.ForeignKey(Undertaking, on_delete=models.PROTECT, related_name="links")
    report = models.OneToOneField(Report, on_delete=models.PROTECT, related_name="undertaken")
    overseen = models.BooleanField(
        default=False, db_default=False
    )  # by who sorts reports, not by the leading unit alone

    def __str__(self) -> str:
        return f"{self.undertaking_id} ← {self.report_id}"
