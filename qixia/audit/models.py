"""The history of acts."""

from __future__ import annotations

from django.db import models

from qixia.kernel.ids import PUBLIC_ID_LENGTH, new_public_id


class AuditEvent(models.Model):
    """Who did what to which subject. Opaque refs only ("report:<public id>"): no personal data, no foreign keys, so
    that a person can be erased while the history stands. Append-only by trigger."""

    at = models.DateTimeField()
    action = models.CharField(max_length=80)
    subject = models.CharField(max_length=80)
    actor = models.CharField(max_length=80)
    request_id = models.CharField(max_length=64, blank=True)
    data = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(fields=["subject", "id"], name="audit_subject"),
            models.Index(fields=["actor", "id"], name="audit_actor"),
            models.Index(fields=["request_id"], name="audit_request"),
        ]


class AccessRecord(models.Model):
    """Somebody opened what is sealed: whose name, which original, and why. The reason is free text and may name people,
    so it is sealed. Append-only by trigger; the database lets a row go once it is older than the law's six months."""

    public_id = models.CharField(max_length=PUBLIC_ID_LENGTH, unique=True, default=new_public_id, editable=False)
    at = models.DateTimeField(db_index=True)
    kind = models.CharField(max_length=16)
    subject = models.CharField(max_length=80)
    actor = models.CharField(max_length=80)
    basis = models.CharField(max_length=16)
    sealed_reason = models.BinaryField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    data = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(fields=["subject", "id"], name="audit_access_subject"),
            models.Index(fields=["actor", "id"], name="audit_access_actor"),
        ]


class RetentionRun(models.Model):
    """Proof that what was to go has gone: one kind, one run. Append-only by trigger."""

    at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    days = models.PositiveIntegerField()
    before = models.DateTimeField()  # everything older was to go
    removed = models.PositiveIntegerField()
    oldest_left = models.DateTimeField(null=True)
    finished = models.BooleanField()  # False: the rest goes with the next run

    class Meta:
        indexes = [models.Index(fields=["kind", "id"], name="audit_retention_kind")]
