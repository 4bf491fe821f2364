"""Background work of gifts. Each takes batches, so a kill in between loses nothing."""

from __future__ import annotations

import time

from qixia.gifts import services
from qixia.jobs.registry import EventView, every, on

BUDGET_S = 40.0  # a run ends by itself before the worker's limit; the next one goes on


@every("gifts.draw", minutes=1, priority=-10)
def draw() -> None:
    """Close what is due, then number, choose, allot and tell; then what is there for who joined before. As far as the time
    goes."""
    services.close_due()
    until = time.monotonic() + BUDGET_S
    while services.carry_on() and time.monotonic() < until:
        pass
    while services.allot_earlier() and time.monotonic() < until:
        pass


@every("gifts.lapse", hours=1)
def lapse() -> None:
    """Uncollected kits go back; who has three days left is told."""
    while services.lapse_due():
        pass
    while services.end_due():
        pass
    while services.remind():
        pass


@on("people.rider_registered", atomic=False)
def welcome(event: EventView) -> None:
    """What is there for who joins. In a transaction of its own, so that campaigns are not held by a batch of jobs."""
    services.allot_joining(person=event.ref.removeprefix("person:"))


@on("people.erased")
def forget(event: EventView) -> None:
    services.forget_person(person=event.ref.removeprefix("person:"))
