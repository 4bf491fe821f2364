"""The queue, the events, the schedule, and the keys of commands."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Job(models.Model):
    """Work to be done, committed with the change that asked for it. A done job is deleted; one that failed too often is
    quarantined and stays to be looked at.

    `run_at` is also the lease: taking a job moves it into the future, so a dead worker's job falls due again by itself.
    """

    name = models.CharField(max_length=120)
    args = models.JSONField(default=dict)
    key = models.CharField(max_length=200, null=True, unique=True)  # noqa: DJ001 — NULLs don't collide
    priority = models.SmallIntegerField(default=0)
    run_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    lease = models.CharField(max_length=40, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()
    quarantined_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["-priority", "run_at", "id"], name="jobs_due", condition=Q(quarantined_at=None)),
        ]


class Event(models.Model):
    """Something that happened, told upwards by name. Kept for a while so that a lost reader can catch up."""

    public_id = models.CharField(max_length=26, unique=True)
    name = models.CharField(max_length=80)
    ref = models.CharField(max_length=80)
    payload = models.JSONField(default=dict)
    request_id = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField(db_index=True)


class Schedule(models.Model):
    """When a repeated task is due next."""

    name = models.CharField(max_length=120, primary_key=True)
    next_at = models.DateTimeField()


class Worker(models.Model):
    """The heartbeat of a worker process."""

    lease = models.CharField(max_length=40, primary_key=True)
    pid = models.IntegerField()
    host = models.CharField(max_length=120)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(db_index=True)


class Command(models.Model):
    """The key that a phone gave to a write, and what came of it: a retry gets the same answer. Names nobody."""

    caller = models.CharField(max_length=40, unique=True)  # keyed hash of actor and key
    body = models.CharField(max_length=40)  # keyed hash of what was sent
    result = models.BinaryField()  # sealed
    at = models.DateTimeField(db_index=True)
