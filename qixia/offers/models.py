"""Small tasks offered to people nearby.

Truth    `state` moves along states.STEPS by conditional updates; an offer has one holder or none.
Secrecy  `holder` is a keyed hash and stands here only while the lease lasts; `excluded` holds keyed marks that are another
         for every offer. Times are windows and marks of the clock: none says when somebody took or did it.
Retries  one live offer a kind and subject.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from qixia.kernel.ids import new_public_id
from qixia.offers import states


class Offer(models.Model):
    """Something that one person nearby may do for points."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    kind = models.CharField(max_length=16)
    subject = models.CharField(max_length=64)  # ref of what it is about, such as "report:…"
    state = models.CharField(max_length=9, default=states.OPEN)
    title = models.CharField(max_length=80)
    place = models.CharField(max_length=200, blank=True)
    lat = models.FloatField()
    lng = models.FloatField()
    radius_m = models.PositiveIntegerField()  # how near one must be to do it
    role = models.CharField(max_length=12, default="rider")  # for whom
    points = models.PositiveIntegerField(default=0)  # what it was worth when it was made, for the page
    opens_at = models.DateTimeField()
    closes_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    holder = models.CharField(max_length=40, null=True)  # noqa: DJ001 — nobody is not ""
    excluded = models.JSONField(default=list)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=states.STATES), name="offers_known_state"),
            models.CheckConstraint(
                condition=Q(lat__gte=-90, lat__lte=90, lng__gte=-180, lng__lte=180), name="offers_on_earth"
            ),
            models.CheckConstraint(
                condition=Q(state=states.TAKEN, holder__isnull=False, lease_until__isnull=False)
                | (~Q(state=states.TAKEN) & Q(holder__isnull=True, lease_until__isnull=True)),
                name="offers_held_while_taken",
            ),
            models.UniqueConstraint(fields=["holder"], condition=Q(holder__isnull=False), name="offers_one_at_a_time"),
            models.UniqueConstraint(
                fields=["kind", "subject"], condition=Q(state__in=states.LIVE), name="offers_one_live"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["lat", "lng"], condition=Q(state__in=states.LIVE), name="offers_on_map"),
            models.Index(fields=["closes_at"], condition=Q(state__in=states.LIVE), name="offers_closing"),
            models.Index(fields=["subject"], name="offers_of_subject"),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def ref(self) -> str:
        return f"offer:{self.public_id}"
