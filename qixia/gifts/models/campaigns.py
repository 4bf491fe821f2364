"""Campaigns, who entered, and the draw.

Truth    `state` moves along states.STEPS by conditional updates. `usable` counts kits that were received and are neither
         broken nor sent back, `allotted` those that are promised or handed over; both change under the campaign's lock.
Secrecy  a Ticket is a frozen line of the public list: a code, never a person. Entry.person joins them while it is needed.
Times    UTC.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from qixia.gifts import states
from qixia.kernel import clock
from qixia.kernel.ids import new_public_id


class Campaign(models.Model):
    """One round of gifts: what, for whom, from when to when, and how it is shared."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    kind = models.CharField(max_length=16)
    way = models.CharField(max_length=8)
    title = models.CharField(max_length=40)
    what = models.CharField(max_length=200)
    division = models.ForeignKey("codes.Division", on_delete=models.PROTECT, related_name="+")
    platforms = models.JSONField(default=list)  # codes; empty: all
    state = models.CharField(max_length=8, default=states.DRAFT)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()  # of entering; of a joining gift: the last day on which it is given to who joins
    collect_until = models.DateTimeField()
    reach = models.CharField(max_length=5, default=states.FROM_NOW, db_default=states.FROM_NOW)
    joined_since = models.DateField(null=True)
    swept = models.BigIntegerField(default=0, db_default=0)  # key of the last rider whom the job looked at
    usable = models.PositiveIntegerField(default=0)
    allotted = models.PositiveIntegerField(default=0)
    made_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=states.STATES), name="gifts_known_state"),
            models.CheckConstraint(condition=Q(way__in=states.WAYS), name="gifts_known_way"),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at"), collect_until__gt=F("ends_at")), name="gifts_in_order"
            ),
            models.CheckConstraint(
                condition=Q(reach=states.SINCE, way=states.ON_JOINING, joined_since__isnull=False)
                | Q(reach=states.EVERYBODY, way=states.ON_JOINING, joined_since=None)
                | Q(reach=states.FROM_NOW, joined_since=None),
                name="gifts_known_reach",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["state", "ends_at"], name="gifts_by_state")]

    def __str__(self) -> str:
        return self.title

    @property
    def ref(self) -> str:
        return f"gifts:{self.public_id}"


class Entry(models.Model):
    """Somebody would like one. `code` is what the public list shows; only its owner knows that it is his or hers."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="entries")
    person = models.ForeignKey("people.Person", on_delete=models.SET_NULL, null=True, related_name="+")
    code = models.CharField(max_length=12, unique=True)
    place = models.ForeignKey("gifts.Place", on_delete=models.PROTECT, related_name="+")
    platform = models.CharField(max_length=40, blank=True)
    need = models.CharField(max_length=16, blank=True)
    need_state = models.CharField(max_length=8, blank=True)
    at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["campaign", "person"], name="gifts_entered_once"),
            models.CheckConstraint(condition=Q(need_state__in=states.NEED_STATES), name="gifts_known_need_state"),
        ]
        indexes: ClassVar = [models.Index(fields=["campaign", "id"], name="gifts_entries_of")]

    def __str__(self) -> str:
        return self.code


class Draw(models.Model):
    """One draw of a campaign: the promise, the public value, and what was frozen in between."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="draws")
    number = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=9, default=states.COMMITTED)
    sealed_secret = models.BinaryField()
    commitment = models.CharField(max_length=64)
    source = models.CharField(max_length=200)  # which public value
    source_at = models.DateTimeField()  # known from then on
    numbers = models.PositiveSmallIntegerField(default=7, db_default=7)  # how many numbers the value has
    committed_at = models.DateTimeField(default=clock.now)
    terms = models.JSONField(default=dict)  # percents as they were promised
    lanes = models.JSONField(default=dict)  # label in the list → code of the community or platform
    kits = models.PositiveIntegerField(default=0)
    entrants = models.PositiveIntegerField(default=0)
    list_hash = models.CharField(max_length=64, blank=True)
    frozen_at = models.DateTimeField(null=True)
    value = models.CharField(max_length=200, blank=True)
    valued_by = models.CharField(max_length=80, blank=True)
    confirmed_by = models.CharField(max_length=80, blank=True)
    confirmed_at = models.DateTimeField(null=True)
    secret = models.CharField(max_length=64, blank=True)  # in the clear once the value is confirmed
    seed = models.CharField(max_length=64, blank=True)
    cursor = models.BigIntegerField(default=0)  # how far the job is in the present state
    done_at = models.DateTimeField(null=True)
    void_why = models.CharField(max_length=200, blank=True, db_default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["campaign", "number"], name="gifts_draw_once"),
            models.CheckConstraint(condition=Q(state__in=states.DRAW_STATES), name="gifts_known_draw_state"),
            models.CheckConstraint(
                condition=Q(confirmed_by="") | ~Q(confirmed_by=F("valued_by")), name="gifts_confirmed_by_another"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=states.REVEALED) | ~Q(seed=""), name="gifts_revealed_has_seed"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["id"], condition=Q(state__in=states.AT_WORK), name="gifts_draws_at_work"),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id} {self.number}"

    @property
    def ref(self) -> str:
        return f"draw:{self.public_id}"


class Ticket(models.Model):
    """One line of a frozen list, the number that follows from the seed, and what came of it ("" until chosen)."""

    draw = models.ForeignKey(Draw, on_delete=models.CASCADE, related_name="tickets")
    code = models.CharField(max_length=12)
    need = models.CharField(max_length=16, blank=True)
    lane = models.CharField(max_length=8, blank=True)
    number = models.CharField(max_length=64, blank=True)
    won = models.CharField(max_length=4, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["draw", "code"], name="gifts_ticket_once"),
            models.CheckConstraint(condition=Q(won__in=("", *states.WON, states.NONE)), name="gifts_known_result"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["draw", "won", "lane", "number"], name="gifts_tickets_by_lane"),
        ]

    def __str__(self) -> str:
        return self.code
