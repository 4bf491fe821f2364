"""What the worker does for photos."""

from __future__ import annotations

from qixia.jobs.registry import every, task
from qixia.kernel import clock
from qixia.media import files, services, transfers

_HOURS = 24


@task("media.derive", max_tries=6, timeout_s=120)
def derive(ids: list[int]) -> None:
    """Copies of all photos of one report; those done before are skipped, so a retry goes on where it stopped.

    One that fails keeps no other waiting; the first error passes at the end.
    """
    failed: list[Exception] = []
    for evidence_id in ids:
        try:
            services.develop_evidence(evidence_id)
        except Exception as error:  # whatever it is, the worker counts and reports it below
            failed.append(error)
    if failed:
        raise failed[0]


@every("media.sweep", hours=1)
def sweep() -> None:
    """Each hour looks at its 24th of the folders, so the cost of a large store is spread over the day."""
    services.sweep(range(clock.now().hour, files.SHARDS, _HOURS))


@every("media.sweep_transfers", hours=1)
def sweep_transfers() -> None:
    """Pieces that nobody wants any more."""
    transfers.sweep()


@every("media.seal", hours=1)
def seal() -> None:
    """Files from before originals were sealed, some an hour; none are left soon, and then it asks one question."""
    services.seal_plain_originals()


@every("media.redact_again", hours=1)
def redact_again() -> None:
    """Copies from before redaction, some an hour; none are left soon, and then it asks one question."""
    services.redact_again()
