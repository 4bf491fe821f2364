"""Tasks, subscriptions and repeated work, by name. Each app's tasks.py fills this when Django starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

# From this priority down: work of minutes that nobody waits for. A worker share of its own takes it (worker.py).
LEARNING = -30


@dataclass(frozen=True, slots=True)
class Call:
    """One job as its handler sees it. `attempt` counts from 1."""

    id: int
    args: dict[str, Any]
    attempt: int = 1
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class EventView:
    """One event as its subscriber sees it; `id` is the key of idempotency."""

    id: str
    name: str
    ref: str
    payload: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Task:
    """How a kind of job is run.

    atomic   handler and removal of the job share one transaction: its rows are written exactly once. For handlers that
             touch only the database; others must be idempotent themselves.
    batch    0: the handler takes the job's args as keywords. n: it takes a list of up to n Calls, and if it fails on
             several it is asked again with one at a time, so one bad job spoils no other.
    priority of the deliveries of an event; below 0 for the slow worker. Who enqueues a task names its own.
    """

    name: str
    handler: Callable[..., None]
    batch: int = 0
    atomic: bool = False
    max_tries: int = 8
    timeout_s: int = 60
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Repeat:
    name: str
    every: timedelta
    priority: int = 0


_tasks: dict[str, Task] = {}
_subscribers: dict[str, list[str]] = {}
_repeats: dict[str, Repeat] = {}
_published: set[str] = set()


def task(
    name: str, *, batch: int = 0, atomic: bool = False, max_tries: int = 8, timeout_s: int = 60
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a handler of jobs called `name`."""

    def mark(handler: Callable[..., None]) -> Callable[..., None]:
        _add(Task(name, handler, batch, atomic, max_tries, timeout_s))
        return handler

    return mark


def on(
    event: str, *, atomic: bool = True, max_tries: int = 8, priority: int = 0
) -> Callable[[Callable[[EventView], None]], Callable[[EventView], None]]:
    """Subscribe a handler to an event; delivered at least once, as a job of its own."""

    def mark(handler: Callable[[EventView], None]) -> Callable[[EventView], None]:
        name = f"on:{event}:{handler.__module__}.{handler.__qualname__}"

        def deliver(**args: Any) -> None:
            handler(EventView(**args))

        _add(Task(name, deliver, 0, atomic, max_tries, priority=priority))
        _subscribers.setdefault(event, []).append(name)
        return handler

    return mark


def every(
    name: str, *, seconds: int = 0, minutes: int = 0, hours: int = 0, priority: int = 0
) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Run a handler again and again; one run at a time over all workers. `priority` below 0: in the slow worker."""

    def mark(handler: Callable[[], None]) -> Callable[[], None]:
        _add(Task(name, handler, max_tries=1))
        _repeats[name] = Repeat(name, timedelta(seconds=seconds, minutes=minutes, hours=hours), priority)
        return handler

    return mark


def declare_event(name: str) -> str:
    """Say that this package publishes `name`; returns it, so that a module can keep it as a constant."""
    _published.add(name)
    return name


def _add(new: Task) -> None:
    known = _tasks.get(new.name)
    if known and known.handler is not new.handler:
        raise ValueError(f"two handlers for {new.name}")
    _tasks[new.name] = new


def find(name: str) -> Task | None:
    return _tasks.get(name)


def tasks() -> list[Task]:
    return list(_tasks.values())


def priority_of(name: str) -> int:
    """The priority of a task's deliveries."""
    found = _tasks.get(name)
    return found.priority if found else 0


def subscribers(event: str) -> list[str]:
    return _subscribers.get(event, [])


def subscriptions() -> dict[str, list[str]]:
    return dict(_subscribers)


def published() -> set[str]:
    return set(_published)


def repeats() -> list[Repeat]:
    return list(_repeats.values())
