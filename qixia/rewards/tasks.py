"""Background work of rewards."""

from __future__ import annotations

from qixia.jobs.registry import EventView, every, on
from qixia.rewards.services import (
    agree_silent,
    award,
    end_called_off,
    end_of_closed,
    expire_due,
    expire_lots,
    forget_appeals,
    forget_holds,
    forget_waiting,
    issue_due,
    pay_claims,
    pay_owed,
    prove,
    remind_booked,
    remind_silent,
    seal_postings,
    settle_lines,
    settle_losses,
    time_out_holds,
    warn_expiring,
    watch_budgets,
)


@on("people.rider_registered", atomic=False)
def welcome(event: EventView) -> None:
    """Points for joining, once a person. In a transaction of its own: purses locked one after the other until many such
    jobs end would wait in a circle with a batch that locks them in order."""
    award(beneficiary=event.ref, rule="joining", source=event.ref, act="people.joined", actor="system:worker")


@every("rewards.expire_vouchers", minutes=10)
def expire_vouchers() -> None:
    """Expire what is due, batch by batch; a crash between two batches loses nothing."""
    while expire_due():
        pass


@every("rewards.end_of_closed", minutes=5)
def give_back_of_closed_shops() -> None:
    """Vouchers of shops that left, batch by batch."""
    while end_of_closed():
        pass


@every("rewards.settle_lines", minutes=5)
def settle_waiting() -> None:
    """What was kept too long goes to the next in line; what an interrupted close left over is given back."""
    while end_called_off():
        pass
    settle_lines()


@every("rewards.remind_booked", hours=1)
def remind() -> None:
    """Riders are told the day before of what they booked."""
    while remind_booked():
        pass


@every("rewards.pay_claims", hours=24)
def pay_what_was_claimed() -> None:
    """The day's batch of points for anonymous reports."""
    pay_claims()


@every("rewards.expire_lots", hours=6)
def expire_points() -> None:
    """Points whose last day is over go; riders whose points end soon are told."""
    while expire_lots():
        pass
    while warn_expiring():
        pass


@every("rewards.time_out_holds", hours=1)
def time_out() -> None:
    """Held points that nobody decided about, as the policy says."""
    while time_out_holds():
        pass


@every("rewards.pay_owed", minutes=10)
def pay_what_is_owed() -> None:
    """What was earned without cover, as far as there is cover now; then who keeps the budgets is told of their state."""
    while pay_owed():
        pass
    while settle_losses():
        pass
    watch_budgets()


@every("rewards.seal", minutes=5)
def seal() -> None:
    """New postings get their place in the chain."""
    while seal_postings():
        pass


@every("rewards.settle", hours=6)
def settle_months() -> None:
    """Statements of last month from the day of issue on, and who says nothing agrees. What was killed goes on next time."""
    issue_due()
    while remind_silent():
        pass
    while agree_silent():
        pass


@every("rewards.prove", hours=24, priority=-30)
def prove_the_books() -> None:
    """All balances from the first posting on, every night."""
    prove()


@on("people.erased")
def forget_what_was_said(event: EventView) -> None:
    """What somebody who left had said against entries is gone, and what spoke against their points; they wait for nothing."""
    person = event.ref.removeprefix("person:")
    forget_appeals(person=person)
    forget_holds(person=person)
    forget_waiting(person=person)
