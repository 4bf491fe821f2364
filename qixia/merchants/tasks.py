"""Background work of merchants."""

from __future__ import annotations

from qixia.jobs.registry import every
from qixia.merchants import services


@every("merchants.resume_due", minutes=15)
def resume_due() -> None:
    services.resume_due()


@every("merchants.suspend_over", hours=24)
def suspend_over() -> None:
    services.suspend_over()


@every("merchants.warn_of_ending", hours=24)
def warn_of_ending() -> None:
    services.warn_of_ending()


@every("merchants.count_ratings", hours=24)
def count_ratings() -> None:
    services.count_ratings()
