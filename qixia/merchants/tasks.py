"""Background work of merchants."""

from __future__ import annotations

from qixia.jobs.registry import every
from qixia.merchants import services


@every("merchants.resume_due", minutes=15)
def resume_due() -> None:
    services.resume_due()


@every("merchants.count_ratings", hours=24)
def count_ratings() -> None:
    services.count_ratings()
