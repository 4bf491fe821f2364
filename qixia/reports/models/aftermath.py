"""What is decided about a report and said of it at the end: valid or not, set aside, appealed, rated.

Decision a fact with a reason from the policy's list; the words stand in the history. At most one stands at a time.
Appeal   once a report.
Rating   by the reporter, and names nobody: who may rate is decided by the report's own sealed link. A day, no moment.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from qixia.kernel.ids import new_public_id
from qixia.reports.models.report import Report

VERDICTS = ("valid", "invalid", "aside")
APPEAL_STATES = ("open", "granted", "denied")
# 满意, 基本满意, 不满意
CONTENT = (3, 2, 1)


class Decision(models.Model):
    """A person found a report valid, not valid, or none of the city's business."""

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="decisions")
    verdict = models.CharField(max_length=7)
    reason = models.CharField(max_length=32)
    at = models.DateTimeField()
    actor = models.CharField(max_length=80)
    standing = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(verdict__in=VERDICTS), name="reports_decision_verdict"),
            models.UniqueConstraint(fields=["report"], condition=Q(standing=True), name="reports_one_decision_stands"),
        ]
        indexes: ClassVar = [models.Index(fields=["at", "verdict"], name="reports_decisions")]

    def __str__(self) -> str:
        return f"{self.report_id} {self.verdict}"


class Appeal(models.Model):
    """The reporter says that a decision is wrong; a supervisor decides."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    report = models.OneToOneField(Report, on_delete=models.PROTECT, related_name="appeal")
    state = models.CharField(max_length=7, default="open")
    at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=APPEAL_STATES), name="reports_appeal_state"),
        ]
        indexes: ClassVar = [models.Index(fields=["state", "id"], name="reports_appeals")]

    def __str__(self) -> str:
        return self.public_id


class Rating(models.Model):
    """三率 of one report: did somebody answer, is it solved, is the reporter content. Once each time that it ended."""

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="ratings")
    ended = models.PositiveSmallIntegerField()  # how often the report had been reopened then
    answered = models.BooleanField()
    solved = models.BooleanField()
    content = models.PositiveSmallIntegerField()
    day = models.DateField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(content__in=CONTENT), name="reports_rating_content"),
            models.UniqueConstraint(fields=["report", "ended"], name="reports_rated_once"),
        ]

    def __str__(self) -> str:
        return f"{self.report_id} {self.content}"
