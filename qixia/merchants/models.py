"""Merchants that are friendly to riders: papers, agreement, perks, ratings, suspensions, alliances.

Truth    `state` moves along states.STEPS by conditional updates. One merchant is one organisation.
Secrecy  a rating names nobody: `use` is a keyed hash of the voucher, so one use is rated once; its words are sealed and
         never reach the merchant; sums are published in groups, so that none can be told from the difference.
Times    UTC; dates of papers and perks are the city's.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from qixia.kernel import clock
from qixia.kernel.ids import new_public_id
from qixia.merchants import rules, states


class Merchant(models.Model):
    """A shop that applied to be in the alliance, and where it is."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    organisation = models.OneToOneField("people.Organisation", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20)
    state = models.CharField(max_length=9, default=states.APPLIED)
    address = models.CharField(max_length=120)
    lat = models.FloatField()
    lng = models.FloatField()
    cell = models.CharField(max_length=16)
    hours = models.CharField(max_length=300, blank=True)
    phone = models.CharField(max_length=16, blank=True, db_default="", default="")  # of the shop; riders may call it
    division = models.ForeignKey("codes.Division", on_delete=models.PROTECT, null=True, related_name="+")
    reason = models.CharField(max_length=200, blank=True)  # why it was refused
    # Sums of ratings as published; they change only when enough new ones have come.
    stars_sum = models.PositiveIntegerField(default=0)
    stars_count = models.PositiveIntegerField(default=0)
    applied_at = models.DateTimeField(default=clock.now)
    admitted_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("友好商家")
        verbose_name_plural = _("友好商家")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=states.STATES), name="merchants_known_state"),
            models.CheckConstraint(
                condition=Q(lat__gte=-90, lat__lte=90, lng__gte=-180, lng__lte=180), name="merchants_on_earth"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=states.MEMBERS) | (Q(admitted_at__isnull=False) & ~Q(hours="")),
                name="merchants_members_have_hours",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["state", "cell"], name="merchants_near"),
            models.Index(fields=["state", "lat", "lng"], name="merchants_on_map"),
            models.Index(fields=["state", "applied_at"], name="merchants_queue"),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def ref(self) -> str:
        return f"merchant:{self.public_id}"


class Paper(models.Model):
    """A licence on a photo, looked at by a person. One of a kind is in force, one may wait."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="papers")
    kind = models.CharField(max_length=20)
    evidence = models.ForeignKey("media.Evidence", on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=11, default=states.HANDED_IN)
    valid_until = models.DateField(null=True)  # null: without end
    reason = models.CharField(max_length=200, blank=True)
    handed_in_at = models.DateTimeField(default=clock.now)
    checked_at = models.DateTimeField(null=True)
    checked_by = models.CharField(max_length=80, blank=True)
    warned_at = models.DateTimeField(null=True)  # the keepers were told that it ends soon

    class Meta:
        verbose_name = _("商家的证照")
        verbose_name_plural = _("商家的证照")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=states.PAPER_STATES), name="merchants_known_paper_state"),
            models.UniqueConstraint(
                fields=["merchant", "kind"], condition=Q(state=states.ACCEPTED), name="merchants_one_in_force"
            ),
            models.UniqueConstraint(
                fields=["merchant", "kind"], condition=Q(state=states.HANDED_IN), name="merchants_one_waiting"
            ),
            models.CheckConstraint(
                condition=Q(state__in=(states.HANDED_IN, states.REPLACED)) | Q(checked_at__isnull=False),
                name="merchants_checked_says_when",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["valid_until"], condition=Q(state=states.ACCEPTED), name="merchants_papers_ending"),
        ]

    def __str__(self) -> str:
        return self.public_id


class Agreement(models.Model):
    """A "yes" to one version of the policy merchants.agreement. Never changed."""

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="agreements")
    version = models.PositiveIntegerField()
    by = models.CharField(max_length=80)
    at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "version"], name="merchants_agreed_once"),
        ]

    def __str__(self) -> str:
        return f"{self.merchant_id} {self.version}"


class Perk(models.Model):
    """What riders get: percent off, a price of their own, something for nothing."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="perks")
    kind = models.CharField(max_length=8)
    title = models.CharField(max_length=40)
    percent_off = models.PositiveSmallIntegerField(null=True)
    price_fen = models.PositiveIntegerField(null=True)
    usual_fen = models.PositiveIntegerField(null=True)
    conditions = models.CharField(max_length=200, blank=True)
    show = models.CharField(max_length=60, blank=True)  # what the rider shows at the till
    starts_on = models.DateField()
    ends_on = models.DateField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(kind=rules.PERCENT, percent_off__gte=1, percent_off__lte=99, price_fen=None)
                | Q(kind=rules.PRICE, percent_off=None, price_fen__gte=1)
                | Q(kind=rules.FREE, percent_off=None, price_fen=None),
                name="merchants_perk_fits_its_kind",
            ),
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gte=models.F("starts_on")), name="merchants_perk_in_order"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["merchant", "ended_at"], name="merchants_perks_of")]

    def __str__(self) -> str:
        return self.public_id


class Rating(models.Model):
    """One to five stars for one use. Whose it was stands nowhere."""

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="ratings")
    use = models.CharField(max_length=40, unique=True)
    stars = models.PositiveSmallIntegerField()
    sealed_words = models.BinaryField(null=True)
    month = models.DateField()  # its first day: no moment joins it with a visit

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(stars__gte=1, stars__lte=5), name="merchants_one_to_five"),
        ]

    def __str__(self) -> str:
        return str(self.stars)


class Suspension(models.Model):
    """Why a merchant is out for a while, and until when; without `until` somebody has to end it."""

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="suspensions")
    reason = models.CharField(max_length=200)
    since = models.DateTimeField(default=clock.now)
    until = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    by = models.CharField(max_length=80)

    class Meta:
        verbose_name = _("商家的暂停")
        verbose_name_plural = _("商家的暂停")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant"], condition=Q(ended_at=None), name="merchants_suspended_once"),
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__gt=models.F("since")), name="merchants_pause_ends"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.merchant_id}"


class Alliance(models.Model):
    """The friendly merchants of a community, or of a larger place, under one name."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    name = models.CharField(max_length=40)
    division = models.ForeignKey("codes.Division", on_delete=models.PROTECT, related_name="+")
    since = models.DateField()

    class Meta:
        verbose_name = _("商家联盟")
        verbose_name_plural = _("商家联盟")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["division", "name"], name="merchants_alliance_once"),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A merchant in an alliance, from when to when."""

    alliance = models.ForeignKey(Alliance, on_delete=models.PROTECT, related_name="members")
    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="memberships")
    joined_at = models.DateTimeField(default=clock.now)
    left_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["alliance", "merchant"], condition=Q(left_at=None), name="merchants_member_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.alliance_id} {self.merchant_id}"
