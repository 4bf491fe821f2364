"""Background work of rewards."""

from __future__ import annotations

from qixia.jobs.registry import EventView, every, on
from qixia.rewards.services import award, expire_due, pay_claims


@on("people.rider_registered")
def welcome(event: EventView) -> None:
    """Points for joining, once a person."""
    award(beneficiary=event.ref, rule="joining", source=event.ref, act="people.joined", actor="system:worker")


@every("rewards.expire_vouchers", minutes=10)
def expire_vouchers() -> None:
    """Expire what is due, batch by batch; a crash between two batches loses nothing."""
    while expire_due():
        pass


@every("rewards.pay_claims", hours=24)
def pay_what_was_claimed() -> None:
    """The day's batch of points for anonymous reports."""
    pay_claims()
