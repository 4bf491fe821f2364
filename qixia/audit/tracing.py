"""What one request left in the history, for the page that follows a request through the system."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from qixia.audit.models import AuditEvent


@dataclass(frozen=True, slots=True)
class Line:
    """One act, without its data."""

    at: datetime
    action: str
    subject: str
    actor: str


def of_request(request_id: str, *, limit: int = 200) -> list[Line]:
    """The acts of one request and of the jobs that it caused, oldest first."""
    if not request_id:
        return []
    rows = AuditEvent.objects.filter(request_id=request_id).order_by("id")[:limit]
    return [Line(row.at, row.action, row.subject, row.actor) for row in rows]
