"""Writing the history. Called by every service inside its own transaction, so act and record stand or fall together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from qixia.audit.models import AuditEvent
from qixia.kernel import clock
from qixia.kernel.requests import request_id


@dataclass(frozen=True, slots=True)
class Act:
    """One line of history. `data` holds refs, codes and counts; never a name, a phone number or free text."""

    action: str
    subject: str
    actor: str
    data: dict[str, Any] = field(default_factory=dict)
    request_id: str | None = None


def record(action: str, *, subject: str, actor: str, **data: Any) -> None:
    """Append one act to the history, in the caller's transaction."""
    record_many([Act(action, subject, actor, data)])


def record_many(acts: Iterable[Act]) -> None:
    """Append many acts in one statement."""
    now, current = clock.now(), request_id()
    AuditEvent.objects.bulk_create(
        AuditEvent(
            at=now,
            action=act.action,
            subject=act.subject,
            actor=act.actor,
            request_id=current if act.request_id is None else act.request_id,
            data=act.data,
        )
        for act in acts
    )
