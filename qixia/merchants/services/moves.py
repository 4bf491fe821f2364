"""The one way in which a merchant's state changes: a conditional update along states.STEPS."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from qixia.kernel.errors import Stale
from qixia.merchants import errors, states
from qixia.merchants.models import Merchant


def must_be(merchant: Merchant, step: str) -> None:
    if not states.may(step, merchant.state):
        raise errors.NotNow(state=_(states.LABELS[merchant.state]))


def take_step(merchant: Merchant, step: str, **changes: Any) -> None:
    """Move on and set `changes` with it; NotNow where the table has no such step, Stale if somebody was faster."""
    must_be(merchant, step)
    new = {"state": states.after(step, merchant.state)} | changes
    if not Merchant.objects.filter(pk=merchant.pk, state=merchant.state).update(**new):
        raise Stale
    for name, value in new.items():
        setattr(merchant, name, value)
