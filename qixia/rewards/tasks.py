"""Background work of rewards."""

from __future__ import annotations

from qixia.jobs.registry import every
from qixia.rewards.services import expire_due


@every("rewards.expire_vouchers", minutes=10)
def expire_vouchers() -> None:
    """Expire what is due, batch by batch; a crash between two batches loses nothing."""
    while expire_due():
        pass
