"""Keeping the queue's own tables small."""

from __future__ import annotations

from datetime import timedelta

from qixia.jobs.models import Command, Event, Worker
from qixia.jobs.registry import every
from qixia.kernel import clock

KEEP_EVENTS = timedelta(days=30)
KEEP_COMMANDS = timedelta(days=30)


@every("jobs.forget_old", hours=6)
def forget_old() -> None:
    """Remove events, keys of commands and signs of workers that nobody needs any more."""
    now = clock.now()
    Event.objects.filter(at__lt=now - KEEP_EVENTS).delete()
    Command.objects.filter(at__lt=now - KEEP_COMMANDS).delete()
    Worker.objects.filter(seen_at__lt=now - timedelta(hours=1)).delete()
