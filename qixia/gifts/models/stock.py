"""Donors, what they gave, places, and what lies there.

Truth    Move rows are never changed (a trigger refuses it); Stock.count is their sum by campaign, place and donation, kept
         by conditional updates and never below nought (a constraint).
Units    kits; 分 of money for a whole donation.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from qixia.gifts import states
from qixia.kernel import clock
from qixia.kernel.ids import new_public_id


class Donor(models.Model):
    """Who gives: an organisation that is known here, or a name. The page under `public_id` is public."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    name = models.CharField(max_length=60, unique=True)
    organisation = models.ForeignKey("people.Organisation", on_delete=models.PROTECT, null=True, related_name="+")
    thanks = models.CharField(max_length=200, blank=True)
    since = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return self.name


class Donation(models.Model):
    """What a donor gave for a campaign: promised with this row, there when moves say "received"."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    donor = models.ForeignKey(Donor, on_delete=models.PROTECT, related_name="donations")
    campaign = models.ForeignKey("gifts.Campaign", on_delete=models.PROTECT, related_name="donations")
    what = models.CharField(max_length=120)
    count = models.PositiveIntegerField()
    value_fen = models.BigIntegerField()
    for_whom = models.CharField(max_length=200, blank=True)
    paper = models.CharField(max_length=80, blank=True)  # number or name of the letter of donation
    given_on = models.DateField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(count__gte=1, value_fen__gte=0), name="gifts_donation_is_something"),
        ]

    def __str__(self) -> str:
        return self.public_id


class Place(models.Model):
    """Where kits lie and are handed over."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    name = models.CharField(max_length=40)
    kind = models.CharField(max_length=8)
    organisation = models.ForeignKey("people.Organisation", on_delete=models.PROTECT, related_name="+")
    division = models.ForeignKey("codes.Division", on_delete=models.PROTECT, related_name="+")
    address = models.CharField(max_length=120)
    lat = models.FloatField()
    lng = models.FloatField()
    hours = models.CharField(max_length=300)
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["division", "name"], name="gifts_place_once"),
            models.CheckConstraint(condition=Q(kind__in=tuple(states.PLACE_KINDS)), name="gifts_known_place_kind"),
            models.CheckConstraint(
                condition=Q(lat__gte=-90, lat__lte=90, lng__gte=-180, lng__lte=180), name="gifts_on_earth"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Helper(models.Model):
    """A volunteer who may hand over at a place, until somebody ends it."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    place = models.ForeignKey(Place, on_delete=models.CASCADE, related_name="helpers")
    person = models.ForeignKey("people.Person", on_delete=models.CASCADE, related_name="+")
    since = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["place", "person"], condition=Q(ended_at=None), name="gifts_helper_once"),
        ]

    def __str__(self) -> str:
        return self.public_id


class Stock(models.Model):
    """How many kits of a donation lie at a place."""

    campaign = models.ForeignKey("gifts.Campaign", on_delete=models.PROTECT, related_name="+")
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    donation = models.ForeignKey(Donation, on_delete=models.PROTECT, related_name="+")
    count = models.IntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["campaign", "place", "donation"], name="gifts_stock_once"),
            models.CheckConstraint(condition=Q(count__gte=0), name="gifts_stock_not_below_nought"),
        ]

    def __str__(self) -> str:
        return str(self.count)


class Move(models.Model):
    """Something happened to kits at a place. `delta` has the sign that the kind gives it."""

    campaign = models.ForeignKey("gifts.Campaign", on_delete=models.PROTECT, related_name="+")
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    donation = models.ForeignKey(Donation, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=8)
    delta = models.IntegerField()
    key = models.CharField(max_length=60, unique=True)  # the same key again: the same move
    note = models.CharField(max_length=200, blank=True)
    by = models.CharField(max_length=80)
    at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(kind__in=[k for k, sign in states.SIGNS.items() if sign > 0], delta__gt=0)
                | Q(kind__in=[k for k, sign in states.SIGNS.items() if sign < 0], delta__lt=0),
                name="gifts_move_has_its_sign",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["campaign", "-id"], name="gifts_moves_of"),
            models.Index(fields=["donation", "kind", "place", "at"], name="gifts_moves_by_donation"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.delta}"
