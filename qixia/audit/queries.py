"""Reading the history."""

from __future__ import annotations

from django.db.models import QuerySet

from qixia.audit.models import AuditEvent


def history_of(subject: str) -> QuerySet[AuditEvent]:
    """What happened to a subject, oldest first."""
    return AuditEvent.objects.filter(subject=subject).order_by("id")
