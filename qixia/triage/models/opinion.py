"""What another model said of a case, and how often it was asked.

Truth    an Opinion is advice; the report alone says what it is. `waiting` is on its way or is to be tried again.
Secrecy  a case by its opaque ref, and nobody. Neither the words that were sent nor the pictures are kept.
Counts   a tally is one number a day and outcome ("asked", "ok", rules.FAILURES, "refused"). "asked" is held to the day's
         limit by a conditional update, so two workers together cannot pass it. Tallies stay when opinions go.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from qixia.triage.opinion.rules import FAILURES, STATES


class Opinion(models.Model):
    """One case, as another model saw it."""

    ref = models.CharField(max_length=64, unique=True)
    state = models.CharField(max_length=8, default="waiting")
    cls = models.CharField(max_length=40, blank=True)
    severity = models.CharField(max_length=8, blank=True)
    words = models.CharField(max_length=120, blank=True)
    model = models.CharField(max_length=80, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    asked_at = models.DateTimeField()  # the latest try
    took_ms = models.PositiveIntegerField(null=True)
    failure = models.CharField(max_length=12, blank=True)  # of the latest try
    again_at = models.DateTimeField(null=True)  # not tried before; null once it is settled

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=STATES), name="triage_opinion_state"),
            models.CheckConstraint(condition=Q(failure__in=["", *FAILURES]), name="triage_opinion_failure"),
            models.CheckConstraint(
                condition=(Q(state="ok") & ~Q(cls="") & ~Q(severity="") & Q(failure=""))
                | (~Q(state="ok") & Q(cls="", severity="", words="")),
                name="triage_opinion_said",
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", again_at__isnull=False) | (~Q(state="waiting") & Q(again_at__isnull=True)),
                name="triage_opinion_waits",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["asked_at"], name="triage_opinion_asked"),
            models.Index(fields=["again_at"], condition=Q(state="waiting"), name="triage_opinion_waiting"),
        ]

    def __str__(self) -> str:
        return self.ref


class OpinionTally(models.Model):
    """How often on one day of the city."""

    day = models.DateField()
    outcome = models.CharField(max_length=12)
    n = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["day", "outcome"], name="triage_tally_once"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.outcome}"
