"""Writing the history. Called by every service inside its own transaction, so act and record stand or fall together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from qixia.audit import rules
from qixia.audit.models import AccessRecord, AuditEvent, RetentionRun
from qixia.audit.rows import insert_many
from qixia.kernel import clock
from qixia.kernel.ids import new_public_id
from qixia.kernel.keys import keys
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
    insert_many(
        AuditEvent,
        ("at", "action", "subject", "actor", "request_id", "data"),
        [
            (now, act.action, act.subject, act.actor, current if act.request_id is None else act.request_id, act.data)
            for act in acts
        ],
    )


@transaction.atomic
def record_access(*, kind: str, subject: str, actor: str, basis: str, reason: str = "", **data: Any) -> str:
    """Note that `actor` opened what is sealed, in the transaction that opens it; returns the record's public id.

    `subject` is what a page can name: "report:<id>" or "person:<id>"; what exactly was opened goes into `data` as a ref
    (`evidence="…"`). Invalid names "basis" or "reason"; every basis but "quality" and "self" wants a reason in words.
    """
    rules.check_kind(kind)
    rules.check_basis(basis)
    if reason or rules.asks_reason(basis):
        reason = rules.check_reason(reason)
    public_id = new_public_id()
    AccessRecord.objects.create(
        public_id=public_id,
        at=clock.now(),
        kind=kind,
        subject=subject,
        actor=actor,
        basis=basis,
        sealed_reason=keys().seal(reason.encode(), purpose=f"access-reason:{public_id}") if reason else None,
        request_id=request_id(),
        data=data,
    )
    record(f"access.{kind}", subject=subject, actor=actor, basis=basis, access=public_id)
    return public_id


@transaction.atomic
def record_retention(
    *, kind: str, days: int, before: datetime, removed: int, oldest_left: datetime | None, finished: bool
) -> None:
    """Write the proof of one run over one kind."""
    RetentionRun.objects.create(
        at=clock.now(),
        kind=kind,
        days=days,
        before=before,
        removed=removed,
        oldest_left=oldest_left,
        finished=finished,
    )
    if removed:
        record("audit.purged", subject=f"retention:{kind}", actor="system:retention", count=removed)
