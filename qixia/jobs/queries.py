"""What the queue looks like."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from qixia.jobs.models import Job, Worker
from qixia.kernel import clock

ALIVE_S = 30


@dataclass(frozen=True, slots=True)
class QueueState:
    waiting: int
    overdue_s: float
    quarantined: int


def worker_alive() -> bool:
    """Whether some worker gave a sign in the last `ALIVE_S` seconds."""
    return Worker.objects.filter(seen_at__gte=clock.now() - timedelta(seconds=ALIVE_S)).exists()


def queue_state() -> QueueState:
    """How much waits, since when the oldest due job waits, and how much was given up."""
    now = clock.now()
    waiting = Job.objects.filter(quarantined_at=None)
    oldest = waiting.filter(run_at__lte=now).order_by("run_at").values_list("run_at", flat=True).first()
    return QueueState(
        waiting=waiting.count(),
        overdue_s=(now - oldest).total_seconds() if oldest else 0.0,
        quarantined=Job.objects.exclude(quarantined_at=None).count(),
    )
