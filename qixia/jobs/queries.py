"""What the queue looks like."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from qixia.jobs.models import Event, Job, Worker
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


def workers_alive() -> int:
    """Workers that gave a sign in the last `ALIVE_S` seconds."""
    return Worker.objects.filter(seen_at__gte=clock.now() - timedelta(seconds=ALIVE_S)).count()


def worker_age_s() -> float | None:
    """Seconds since the youngest sign of any worker; None: there never was one, or all ended in order."""
    seen = Worker.objects.order_by("-seen_at").values_list("seen_at", flat=True).first()
    return max(0.0, (clock.now() - seen).total_seconds()) if seen else None


@dataclass(frozen=True, slots=True)
class Trace:
    """What a request left with us: an event, or a job that still waits or was given up (done jobs are gone)."""

    at: datetime
    kind: str  # "event" | "job"
    name: str
    ref: str  # of an event
    state: str  # of a job: "waiting" | "quarantined"
    attempts: int


def of_request(request_id: str) -> list[Trace]:
    """Events and jobs of one request, without their payloads."""
    events = Event.objects.filter(request_id=request_id).values_list("at", "name", "ref")
    jobs = Job.objects.filter(request_id=request_id).values_list("created_at", "name", "quarantined_at", "attempts")
    return [
        *(Trace(at, "event", name, ref, "", 0) for at, name, ref in events),
        *(Trace(at, "job", name, "", "quarantined" if gone else "waiting", tries) for at, name, gone, tries in jobs),
    ]
