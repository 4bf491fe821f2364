"""What the worker does for photos."""

from __future__ import annotations

from qixia.jobs.registry import every, task
from qixia.kernel import clock
from qixia.media import files, services

_HOURS = 24


@task("media.derive", max_tries=6, timeout_s=120)
def derive(ids: list[int]) -> None:
    """Copies of all photos of one report; those done before are skipped, so a retry goes on where it stopped."""
    for evidence_id in ids:
        services.develop_evidence(evidence_id)


@every("media.sweep", hours=1)
def sweep() -> None:
    """Each hour looks at its 24th of the folders, so the cost of a large store is spread over the day."""
    services.sweep(range(clock.now().hour, files.SHARDS, _HOURS))
