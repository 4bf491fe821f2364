"""The one way in which a merchant's state changes: a conditional update along states.STEPS.

Locks    what looks at several papers locks the merchant's row first (`lock`): two verdicts at once see each other.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from qixia.kernel.errors import Stale
from qixia.merchants import errors, states
from qixia.merchants.models import Merchant, Paper
from qixia.merchants.queries import has_kind, missing_papers


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


def lock(key: int) -> Merchant:
    """The merchant of this key as it is now, until the end of the transaction."""
    rows = Merchant.objects.select_for_update(of=("self",), no_key=True).select_related("organisation", "division")
    return rows.get(pk=key)


def step_if_complete(merchant: Merchant) -> None:
    """Make a locked merchant `checked` once every paper that it needs is good and none waits for a look."""
    if not states.may("find_complete", merchant.state) or not has_kind(merchant) or missing_papers(merchant):
        return
    if not Paper.objects.filter(merchant=merchant, state=states.HANDED_IN).exists():
        take_step(merchant, "find_complete")
