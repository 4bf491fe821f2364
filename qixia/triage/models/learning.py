"""What triage learns from: what people corrected, the models made of it, and how they would have judged.

Truth    which model is in use is the policy "triage.model" alone; no row here repeats it.
Secrecy  a Correction knows a report by its opaque ref and nobody: no rider, no clerk (who it was, history says). Its words
         are sealed, numbers in them are blanked, and they go when the person who wrote them is erased.
Runs     one open run of a kind at a time (a constraint). A shadow run's `cursor` moves in the transaction that writes
         its verdicts, so a killed worker takes up where the last batch ended.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from qixia.kernel.ids import PUBLIC_ID_LENGTH, new_public_id

RUN_KINDS = ("train", "shadow")
RUN_STATES = ("waiting", "running", "done", "failed")
RUN_OPEN = ("waiting", "running")
# person: a clerk named the class; verified: nobody changed it and a clerk found it true on the spot.
DECIDED = ("", "person", "verified")


class Correction(models.Model):
    """What a person made of a report that a model had judged. Equal classes are a confirmation."""

    ref = models.CharField(max_length=64, unique=True)
    at = models.DateTimeField()
    sealed_words = models.BinaryField(null=True)  # null: there were none, or they had to go
    cls = models.CharField(max_length=40)
    severity = models.CharField(max_length=8)
    was_cls = models.CharField(max_length=40)
    was_severity = models.CharField(max_length=8)
    model = models.CharField(max_length=64)  # the artefact that had judged: "shipped" or a hash

    class Meta:
        indexes: ClassVar = [models.Index(fields=["at"], name="triage_correction_at")]

    def __str__(self) -> str:
        return self.ref


class TrainedModel(models.Model):
    """An artefact that was trained here. Its bytes never change: a change is another artefact."""

    sha256 = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=80)
    data = models.BinaryField()
    card = models.JSONField(default=dict)
    figures = models.JSONField(default=dict)  # see services.learning.Figures
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=80)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["made_at"], name="triage_model_made")]

    def __str__(self) -> str:
        return self.name


class LearningRun(models.Model):
    """A training, or a stored model judging last month's reports beside the one in use."""

    public_id = models.CharField(max_length=PUBLIC_ID_LENGTH, unique=True, default=new_public_id)
    kind = models.CharField(max_length=8)
    state = models.CharField(max_length=8, default="waiting")
    asked_at = models.DateTimeField()
    asked_by = models.CharField(max_length=80)
    begun_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    fault = models.CharField(max_length=40, blank=True)
    # train: the artefact that came out; shadow: the one that is tried, and the one it is compared with
    artefact = models.CharField(max_length=64, blank=True)
    against = models.CharField(max_length=64, blank=True)
    since = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    cursor = models.CharField(max_length=80, blank=True)
    summary = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=RUN_KINDS), name="triage_run_kind"),
            models.CheckConstraint(condition=Q(state__in=RUN_STATES), name="triage_run_state"),
            models.UniqueConstraint(
                fields=["kind"], condition=Q(state__in=RUN_OPEN), name="triage_one_open_run_of_a_kind"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["kind", "-id"], name="triage_run_latest")]

    def __str__(self) -> str:
        return f"{self.kind} {self.public_id}"


class ShadowVerdict(models.Model):
    """How the model in use and the one that is tried judge one report, and what became of it in the end."""

    run = models.ForeignKey(LearningRun, on_delete=models.CASCADE, related_name="verdicts")
    ref = models.CharField(max_length=64)
    now_cls = models.CharField(max_length=40, blank=True)  # "" : nothing spoke for a class
    now_severity = models.CharField(max_length=8)
    now_certain = models.BooleanField()
    new_cls = models.CharField(max_length=40, blank=True)
    new_severity = models.CharField(max_length=8)
    new_certain = models.BooleanField()
    final_cls = models.CharField(max_length=40, blank=True)
    final_severity = models.CharField(max_length=8, blank=True)
    decided = models.CharField(max_length=8, blank=True)
    changed = models.BooleanField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(decided__in=DECIDED), name="triage_shadow_decided"),
            models.UniqueConstraint(fields=["run", "ref"], name="triage_shadow_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["run", "id"], condition=Q(changed=True), name="triage_shadow_changed")
        ]

    def __str__(self) -> str:
        return self.ref
