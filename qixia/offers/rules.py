"""Decisions about offers. Pure.

Units    metres, minutes, UTC. A lease ends on a fixed mark of the clock, so its end does not tell when it was taken.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

MARK_MINUTES = 10


class OffersPolicy(BaseModel):
    """What riders are shown and how long one may hold an offer (policy "offers.offers")."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    near_m: int = Field(2000, ge=100, le=50_000, description="how far around the rider offers are listed")
    lease_minutes: int = Field(40, ge=10, le=24 * 60, description="how long one rider has it alone")
    most_shown: int = Field(30, ge=1, le=200)
    left_out: float = Field(
        0.3, ge=0, lt=1, description="share of everybody who does not get an offer, so that not to see it says nothing"
    )


def lease_end(now: datetime, minutes: int) -> datetime:
    """At least `minutes` from now, on the next mark of ten minutes."""
    end = now + timedelta(minutes=minutes)
    past = timedelta(minutes=end.minute % MARK_MINUTES, seconds=end.second, microseconds=end.microsecond)
    return end if not past else end - past + timedelta(minutes=MARK_MINUTES)
