"""The history of acts."""

from __future__ import annotations

from django.db import models


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
