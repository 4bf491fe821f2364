"""Background work of reports."""

from __future__ import annotations

from qixia.jobs.registry import Call, every, task
from qixia.reports import services


@task("reports.settle", batch=50, atomic=True)
def settle(calls: list[Call]) -> None:
    """Settle accepted reports, many in one transaction with the removal of their jobs."""
    services.settle([call.args["id"] for call in calls])


@every("reports.close_silent", hours=1)
def close_silent() -> None:
    services.close_silent()
