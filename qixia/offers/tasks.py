"""Background work of offers."""

from __future__ import annotations

from qixia.jobs.registry import EventView, every, on
from qixia.offers import services


@every("offers.expire", minutes=5)
def expire() -> None:
    services.expire()


@on("people.erased")
def forget_holder(event: EventView) -> None:
    """What an erased person held is free again."""
    services.forget_holder(person=event.ref.removeprefix("person:"))
