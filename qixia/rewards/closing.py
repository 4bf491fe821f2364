"""What happens to vouchers of a shop that is closed to them (policy "rewards.closing"). Pure: no Django, no clock.

extend   they wait: none expires meanwhile, and each gets as many days as the pause had
return   all points of what is left go back to the riders
honour   the shop still takes them until they end; nothing new is given out
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

EXTEND, RETURN, HONOUR = "extend", "return", "honour"
WAYS = (EXTEND, RETURN, HONOUR)
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)


class ClosingPolicy(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    paused: Literal["extend", "return"] = "extend"
    gone: Literal["return", "honour"] = "return"


def longer(pause: timedelta) -> timedelta:
    """How much longer vouchers hold after a pause: whole days, so that they end at midnight as before. A pause of less than an
    hour kept nobody from coming and gives none, or days could be had for nothing."""
    if pause < _HOUR:
        return timedelta()
    return -(-pause // _DAY) * _DAY
