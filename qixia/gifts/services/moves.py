"""The one way in which a campaign's or a draw's state changes: a conditional update along the tables of states.py."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from qixia.gifts import errors, states
from qixia.gifts.models import Campaign, Draw
from qixia.kernel.errors import Stale


def must_be(campaign: Campaign, step: str) -> None:
    if not states.may(step, campaign.state):
        raise errors.NotNow(state=_(states.LABELS[campaign.state]))


def take_step(campaign: Campaign, step: str, **changes: Any) -> None:
    """Move on and set `changes` with it; NotNow where the table has no such step, Stale if somebody was faster."""
    must_be(campaign, step)
    new = {"state": states.STEPS[step][campaign.state]} | changes
    if not Campaign.objects.filter(pk=campaign.pk, state=campaign.state).update(**new):
        raise Stale
    _set(campaign, new)


def draw_must_be(draw: Draw, step: str) -> None:
    if draw.state not in states.DRAW_STEPS[step]:
        raise errors.NotNow(state=_(states.DRAW_LABELS[draw.state]))


def turn(draw: Draw, state: str, **changes: Any) -> None:
    """Bring a draw into its next state, or on in the present one."""
    new = {"state": state} | changes
    if not Draw.objects.filter(pk=draw.pk, state=draw.state, cursor=draw.cursor).update(**new):
        raise Stale
    _set(draw, new)


def _set(row: Any, new: dict[str, Any]) -> None:
    for name, value in new.items():
        setattr(row, name, value)
