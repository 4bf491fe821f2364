"""Shops that are closed to vouchers for a while, or for good: what is theirs is hidden from riders meanwhile.

Truth    one open row a shop; without a row it is open. `vouchers` is what the policy said on that day.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from qixia.kernel import clock
from qixia.rewards import closing


class Closure(models.Model):
    """From when to when a shop takes no vouchers, and what happens to those that riders hold."""

    merchant = models.ForeignKey("people.Organisation", on_delete=models.PROTECT, related_name="+")
    vouchers = models.CharField(max_length=8)
    is_final = models.BooleanField(default=False)
    since = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["merchant"], condition=Q(ended_at=None), name="rewards_closed_once"),
            models.CheckConstraint(condition=Q(vouchers__in=closing.WAYS), name="rewards_closure_way_known"),
        )

    def __str__(self) -> str:
        return f"{self.merchant_id} {self.since:%Y-%m-%d}"
