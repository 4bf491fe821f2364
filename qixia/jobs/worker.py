"""The worker: takes due jobs by lease, runs them, forgets those done.

Lease    taking a job moves its `run_at` LEASE_S into the future; a heartbeat thread moves it on while the work lasts.
         A killed worker's jobs fall due again after at most LEASE_S seconds.
Failure  back-off 2, 4, 8 … seconds up to an hour; after `max_tries` the job is quarantined. The attempt is counted when
         the job is taken, so a job that kills its worker is quarantined too.
Order    priority, then time due. Jobs of one name that were taken together run as one batch where the task says so.
Shares   `urgent` takes priority 0 and above, `slow` what lies below (pictures), `learning` from registry.LEARNING down (trainings and
         trials of models); the latter two let others have the CPU first. One process of each, as `qixia serve` starts them,
         keeps a long picture from delaying a report, and a training from delaying a picture; `all` takes everything.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Literal

from django.db import connection, connections, transaction
from django.db.models import F, Q

from qixia.jobs import registry
from qixia.jobs.models import Job, Schedule, Worker
from qixia.jobs.services import enqueue
from qixia.kernel import clock
from qixia.kernel.faults import kill_point
from qixia.kernel.requests import with_request_id

log = logging.getLogger("qixia.jobs")

LEASE_S = 15
BEAT_S = 4
TAKE = 64
_TAKE_AT_ONCE = {"slow": 4, "learning": 1}  # what is taken and not begun waits for the lease if this process is killed
POLL_S = (0.02, 0.25)
POLITE = 10  # an eleventh of the CPU that others leave it in a rush, never nothing
Share = Literal["all", "urgent", "slow", "learning"]
_TAKES = {
    "all": Q(),
    "urgent": Q(priority__gte=0),
    "slow": Q(priority__lt=0, priority__gt=registry.LEARNING),
    "learning": Q(priority__lte=registry.LEARNING),
}


class LeaseLost(Exception):
    """Another worker has taken the job meanwhile; this one's transaction is rolled back."""


class JobRunner:
    """Takes and runs jobs under one lease name."""

    def __init__(self, share: Share = "all") -> None:
        self.lease = secrets.token_hex(12)
        self.share = share
        self.held: set[int] = set()

    def run_due(self, limit: int = TAKE) -> int:
        """Take what is due and run it. Returns how many jobs were taken."""
        taken = self._take(limit)
        self.held = {job.id for job in taken}
        if taken:
            kill_point("jobs.taken")
        try:
            for name, group in _by_name(taken):
                self._run_group(name, group)
        finally:
            self.held = set()
        return len(taken)

    def _take(self, limit: int) -> list[Job]:
        now = clock.now()
        due = Job.objects.filter(quarantined_at=None, run_at__lte=now).order_by("-priority", "run_at", "id")
        due = due.filter(_TAKES[self.share])
        if connection.vendor == "sqlite" and not due.exists():
            return []  # spares the write lock
        with transaction.atomic():
            if connection.features.has_select_for_update_skip_locked:
                due = due.select_for_update(skip_locked=True)
            jobs = list(due[:limit])
            Job.objects.filter(id__in=[job.id for job in jobs]).update(
                run_at=now + timedelta(seconds=LEASE_S), lease=self.lease, attempts=F("attempts") + 1
            )
        return jobs

    def _run_group(self, name: str, jobs: list[Job]) -> None:
        task = registry.find(name)
        if task is None:
            self._failed(jobs, LookupError(f"no handler for {name}"), max_tries=8)
            return
        if task.atomic and not task.batch:
            self._run_together(task, jobs)
            return
        size = max(task.batch, 1)
        for start in range(0, len(jobs), size):
            self._run_batch(task, jobs[start : start + size])

    def _run_together(self, task: registry.Task, jobs: list[Job]) -> None:
        """Many small database jobs in one transaction, each in a savepoint: one commit instead of many."""
        done: list[Job] = []
        failed: list[tuple[Job, Exception]] = []
        try:
            with transaction.atomic():
                for job in jobs:
                    try:
                        with transaction.atomic(), with_request_id(job.request_id):
                            self._handle(task, [job])
                        done.append(job)
                    except Exception as error:
                        log.exception("job failed", extra={"task": task.name, "job": job.id})
                        failed.append((job, error))
                self._forget(done)
        except LeaseLost:
            log.warning("lease lost", extra={"task": task.name, "jobs": len(jobs)})
            return
        for job, reason in failed:
            self._failed([job], reason, task.max_tries)

    def _run_batch(self, task: registry.Task, jobs: list[Job]) -> None:
        try:
            with with_request_id(jobs[0].request_id):
                self._call(task, jobs)
        except LeaseLost:
            log.warning("lease lost", extra={"task": task.name, "jobs": len(jobs)})
        except Exception as error:
            if len(jobs) > 1:
                for job in jobs:
                    self._run_batch(task, [job])
                return
            log.exception("job failed", extra={"task": task.name, "job": jobs[0].id})
            self._failed(jobs, error, task.max_tries)

    def _call(self, task: registry.Task, jobs: list[Job]) -> None:
        if task.atomic:
            with transaction.atomic():
                self._handle(task, jobs)
                self._forget(jobs)
        else:
            self._handle(task, jobs)
            self._forget(jobs)

    @staticmethod
    def _handle(task: registry.Task, jobs: list[Job]) -> None:
        if task.batch:
            task.handler([registry.Call(j.id, j.args, j.attempts + 1, j.request_id) for j in jobs])
        else:
            task.handler(**jobs[0].args)

    def _forget(self, jobs: list[Job]) -> None:
        ids = [job.id for job in jobs]
        if not ids:
            return
        gone, _ = Job.objects.filter(id__in=ids, lease=self.lease).delete()
        kill_point("jobs.forgotten")
        self.held -= set(ids)
        if gone != len(ids):
            raise LeaseLost

    def _failed(self, jobs: list[Job], error: Exception, max_tries: int) -> None:
        now = clock.now()
        for job in jobs:
            tries = job.attempts + 1
            changes = {"lease": "", "last_error": _in_a_line(error)}
            if tries >= max_tries:
                Job.objects.filter(id=job.id, lease=self.lease).update(quarantined_at=now, run_at=now, **changes)
                log.error("job quarantined", extra={"task": job.name, "job": job.id})
            else:
                wait = timedelta(seconds=min(2**tries, 3600))
                Job.objects.filter(id=job.id, lease=self.lease).update(run_at=now + wait, **changes)
            self.held.discard(job.id)

    def extend_leases(self) -> None:
        held = list(self.held)
        if held:
            until = clock.now() + timedelta(seconds=LEASE_S)
            Job.objects.filter(id__in=held, lease=self.lease).update(run_at=until)


def _in_a_line(error: Exception) -> str:
    """The first line only: below it a database quotes the row that it refused, with whom it names."""
    first = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {first}"[:500]


def _by_name(jobs: list[Job]) -> Iterator[tuple[str, list[Job]]]:
    for name, group in groupby(sorted(jobs, key=lambda j: (-j.priority, j.name)), key=lambda j: j.name):
        yield name, list(group)


def start_repeats() -> None:
    """Enqueue the repeated tasks that are due. Many workers may call this at once: one row moves once."""
    now = clock.now()
    known = dict(Schedule.objects.values_list("name", "next_at"))
    for repeat in registry.repeats():
        if repeat.name not in known:
            Schedule.objects.bulk_create([Schedule(name=repeat.name, next_at=now)], ignore_conflicts=True)
        elif known[repeat.name] > now:
            continue
        with transaction.atomic():
            if Schedule.objects.filter(name=repeat.name, next_at__lte=now).update(next_at=now + repeat.every):
                _make_room(repeat.name)
                enqueue(repeat.name, key=f"every:{repeat.name}", priority=repeat.priority)


def _make_room(name: str) -> None:
    """One run that failed stays to be looked at; it must not hold the key, or the task would never run again."""
    failed = Job.objects.filter(name=name, quarantined_at__isnull=False)
    failed.filter(key=None).delete()
    failed.update(key=None)


class Loop:
    """A worker process: heartbeat, repeated work, and jobs until told to stop."""

    def __init__(self, share: Share = "all") -> None:
        self.runner = JobRunner(share)
        self.stopping = threading.Event()

    def run(self) -> None:
        beat = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        beat.start()
        wait = POLL_S[0]
        while not self.stopping.is_set():
            did = self._step()
            wait = POLL_S[0] if did else min(wait * 1.5, POLL_S[1])
            if not did:
                self.stopping.wait(wait)
        Worker.objects.filter(lease=self.runner.lease).delete()

    def _step(self) -> int:
        try:
            return self.runner.run_due(_TAKE_AT_ONCE.get(self.runner.share, TAKE))
        except Exception:  # the database may be away for a while: keep trying
            log.exception("worker step failed")
            connections.close_all()
            self.stopping.wait(1)
            return 0

    def _beat(self) -> None:
        started = clock.now()
        while not self.stopping.is_set():
            if self.runner.share in ("all", "urgent"):  # a sign says that reports will be settled
                self._quietly(lambda: self._sign(started))
            self._quietly(self.runner.extend_leases)
            self._quietly(start_repeats)
            self.stopping.wait(BEAT_S)

    def _sign(self, started: datetime) -> None:
        Worker.objects.update_or_create(
            lease=self.runner.lease,
            defaults={
                "pid": os.getpid(),
                "host": socket.gethostname()[:120],
                "started_at": started,
                "seen_at": clock.now(),
            },
        )

    @staticmethod
    def _quietly(act: Callable[[], None]) -> None:
        try:
            act()
        except Exception:
            log.exception("heartbeat failed")
            connections.close_all()


def step_aside() -> None:
    """Let other processes go first. Linux weighs sessions, not processes, where it groups them by session."""
    os.nice(POLITE)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(POLITE), encoding="ascii")


def run_pending(limit: int = 100_000) -> int:
    """Run everything that is due, here and now: for tests, the demo and commands. Returns how many jobs ran."""
    runner, total = JobRunner(), 0
    while total < limit:
        did = runner.run_due()
        if not did:
            return total
        total += did
    raise RuntimeError("jobs keep making jobs")
