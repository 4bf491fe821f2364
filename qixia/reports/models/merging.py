"""Reports that are one matter: who supports one, what a clerk is asked, what was merged and undone.

Secrecy  who supports a report is sealed like who reported it, and has no time but the day.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from qixia.kernel.ids import new_public_id
from qixia.reports.models.report import Report

# moot: one of the two is done, not true or merged elsewhere; open again if both are.
PROPOSAL_STATES = ("open", "merged", "apart", "moot")


class Support(models.Model):
    """A rider says that a report which is open is what he saw too, and follows it.

    Link and index as of a report (sealing.py), with another purpose: without the key nobody sees that who supports one
    report reported another. Both are empty once the rider was erased; the support still counts. `day` is all the time
    that is kept: a moment would stand beside the moment of the points.
    """

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="supports")
    link = models.BinaryField(null=True)
    index = models.CharField(max_length=40, null=True)  # noqa: DJ001 — nobody is not ""
    day = models.DateField()
    points = models.IntegerField(null=True)  # what it paid or promised; None before the worker looked

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(link__isnull=False, index__isnull=False) | Q(link__isnull=True, index__isnull=True),
                name="reports_support_sealed",
            ),
            models.UniqueConstraint(fields=["report", "index"], name="reports_support_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["index", "-id"], name="reports_own_supports")]

    def __str__(self) -> str:
        return self.public_id


class MergeProposal(models.Model):
    """Two reports that may be one matter; a clerk decides. `report` came later than `lead`."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="proposals")
    lead = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=6, default="open")
    score = models.FloatField()
    distance_m = models.FloatField()
    minutes_apart = models.FloatField()
    signs = models.JSONField(default=list)  # [{value, weight, says, about}], see triage.candidates.Sign
    at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=PROPOSAL_STATES), name="reports_proposal_state"),
            models.CheckConstraint(condition=~Q(report=F("lead")), name="reports_proposal_of_two"),
            models.UniqueConstraint(fields=["report", "lead"], name="reports_proposed_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["state", "-id"], name="reports_proposals")]

    def __str__(self) -> str:
        return self.public_id


class MergeRecord(models.Model):
    """A merge, or its undoing, with what stood before. Append-only by trigger; a merge is undone at most once.

    `before`: {"report": {"state"}, "lead": {severity, rings, receive_due, answer_due, resolve_due}, "moved": [ids of
    reports that had been merged into `report`]}; `after`: the lead's same columns when it was done.
    """

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="+")
    lead = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="+")
    undoes = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="undone_by")
    at = models.DateTimeField()
    actor = models.CharField(max_length=80)
    score = models.FloatField(null=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["report", "-id"], name="reports_merge_history")]

    def __str__(self) -> str:
        return f"{self.report_id} → {self.lead_id}"
