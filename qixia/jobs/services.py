"""Asking for work and telling what happened, in the caller's transaction.

Delivery is at least once; a task marked atomic writes its rows exactly once. Nothing here runs anything: see worker.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from qixia.audit.rows import insert_many
from qixia.jobs import registry
from qixia.jobs.models import Event, Job
from qixia.kernel import clock
from qixia.kernel.ids import new_public_id
from qixia.kernel.requests import request_id


@dataclass(frozen=True, slots=True)
class Ask:
    """One job to enqueue. With a `key`, nothing happens while a job of that key is waiting."""

    name: str
    args: dict[str, Any] = field(default_factory=dict)
    key: str | None = None
    priority: int = 0
    run_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Happened:
    """One event to publish. `payload` holds refs and codes and is part of the contract with subscribers."""

    name: str
    ref: str
    payload: dict[str, Any] = field(default_factory=dict)


def enqueue(
    name: str,
    args: dict[str, Any] | None = None,
    *,
    key: str | None = None,
    priority: int = 0,
    run_at: datetime | None = None,
) -> None:
    """Ask for one job."""
    enqueue_many([Ask(name, args or {}, key, priority, run_at)])


def enqueue_many(asks: Iterable[Ask]) -> None:
    """Ask for many jobs in one statement."""
    jobs = _jobs(asks)
    if jobs:
        Job.objects.bulk_create(jobs, ignore_conflicts=any(job.key for job in jobs))


def _jobs(asks: Iterable[Ask]) -> list[Job]:
    now, current = clock.now(), request_id()
    return [
        Job(
            name=ask.name,
            args=ask.args,
            key=ask.key,
            priority=ask.priority,
            run_at=ask.run_at or now,
            request_id=current,
            created_at=now,
        )
        for ask in asks
    ]


def publish(name: str, ref: str, payload: dict[str, Any] | None = None) -> None:
    """Tell subscribers that something happened."""
    publish_many([Happened(name, ref, payload or {})])


def publish_many(happened: Iterable[Happened], also: Iterable[Ask] = ()) -> None:
    """Tell of many events in two statements: the events, and a job for each subscriber. `also` adds jobs to the second."""
    now, current = clock.now(), request_id()
    events = [(new_public_id(), h) for h in happened]
    insert_many(
        Event,
        ("public_id", "name", "ref", "payload", "request_id", "at"),
        [(public_id, h.name, h.ref, h.payload, current, now) for public_id, h in events],
    )
    deliveries = [
        Ask(
            subscriber,
            {"id": public_id, "name": event.name, "ref": event.ref, "payload": event.payload},
            priority=registry.priority_of(subscriber),
        )
        for public_id, event in events
        for subscriber in registry.subscribers(event.name)
    ]
    enqueue_many([*deliveries, *also])
