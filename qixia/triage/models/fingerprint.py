"""What is kept of a report to find it again: where, when, which class, and marks that hold no words.

Truth    the report. A fingerprint can be made anew from it at any time, and goes with it (services.forget).
Secrecy  no rider, no words: `marks` are hashes of pieces of words (see duplicates.marks), enough to compare two reports.
         `ref` is opaque ("report:<public id>"); there is no other time in it than those of the report itself.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q


class Fingerprint(models.Model):
    """One report, as `queries.similar` compares it."""

    ref = models.CharField(max_length=64, unique=True)
    cell = models.BigIntegerField()  # H3, resolution 10: some 130 m across
    lat = models.FloatField()
    lng = models.FloatField()
    accuracy_m = models.FloatField(null=True)
    at = models.DateTimeField()  # when it was seen
    closed_at = models.DateTimeField(null=True)
    cls = models.CharField(max_length=40, blank=True)
    marks = models.BinaryField()
    photo_hash = models.BigIntegerField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(lat__gte=-90, lat__lte=90, lng__gte=-180, lng__lte=180), name="triage_print_on_earth"
            ),
        ]
        # What is open is few, what was closed many: each has an index of its own.
        indexes: ClassVar = [
            models.Index(fields=["cell", "at"], condition=Q(closed_at__isnull=True), name="triage_print_open"),
            models.Index(
                fields=["cell", "closed_at"], condition=Q(closed_at__isnull=False), name="triage_print_closed"
            ),
            models.Index(fields=["at"], name="triage_print_at"),
        ]

    def __str__(self) -> str:
        return self.ref
