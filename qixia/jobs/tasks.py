"""Keeping the queue's own tables small. Events and keys of commands end by policy, see retention.py."""

from __future__ import annotations

from datetime import timedelta

from qixia.jobs.models import Worker
from qixia.jobs.registry import every
from qixia.kernel import clock


@every("jobs.forget_old", hours=6)
def forget_old() -> None:
    """Remove signs of workers that are long gone."""
    Worker.objects.filter(seen_at__lt=clock.now() - timedelta(hours=1)).delete()
