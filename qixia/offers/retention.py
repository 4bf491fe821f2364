"""Offers that are over go after a month: what came of them stands with what they were about."""

from __future__ import annotations

from datetime import datetime

from qixia.audit.retention import Kind, register
from qixia.offers import states
from qixia.offers.models import Offer

_OVER = (states.DONE, states.EXPIRED, states.WITHDRAWN)


def purge(before: datetime, limit: int) -> int:
    old = Offer.objects.filter(state__in=_OVER, closes_at__lt=before).order_by("closes_at")
    found = list(old.values_list("pk", flat=True)[:limit])
    Offer.objects.filter(pk__in=found).delete()
    return len(found)


def oldest() -> datetime | None:
    rows = Offer.objects.filter(state__in=_OVER).order_by("closes_at")
    found: datetime | None = rows.values_list("closes_at", flat=True).first()
    return found


register(Kind("offers", "过期的附近任务", 30, purge, oldest))
