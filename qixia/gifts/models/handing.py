"""Who gets one, that it was handed over, and lists from paper that say so.

Truth    one allotment a campaign and person (a constraint), open → handed by a conditional update, so that two places at
         once hand over one. HandOver is the proof; an undone one stays and says why.
Erasure  `person` becomes null: sums stay right and name nobody.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from qixia.gifts import states
from qixia.kernel import clock
from qixia.kernel.ids import new_public_id


class Allotment(models.Model):
    """One kit for one person. `number` is read out at the place; a deputy reads out `deputy_number`."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    campaign = models.ForeignKey("gifts.Campaign", on_delete=models.PROTECT, related_name="allotments")
    person = models.ForeignKey("people.Person", on_delete=models.SET_NULL, null=True, related_name="+")
    draw = models.ForeignKey("gifts.Draw", on_delete=models.PROTECT, null=True, related_name="+")
    place = models.ForeignKey(
        "gifts.Place", on_delete=models.PROTECT, null=True, related_name="+"
    )  # where it was asked for
    number = models.CharField(max_length=9, unique=True)
    why = models.CharField(max_length=8)
    state = models.CharField(max_length=6, default=states.OPEN)
    until = models.DateTimeField()
    made_at = models.DateTimeField(default=clock.now)
    reminded_at = models.DateTimeField(null=True)
    # Null, not "": most have none, and each may be there once.
    deputy_number = models.CharField(max_length=9, unique=True, null=True)  # noqa: DJ001
    deputy_until = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["campaign", "person"], name="gifts_nobody_twice"),
            models.CheckConstraint(condition=Q(state__in=states.ALLOTMENT_STATES), name="gifts_known_allotment"),
            models.CheckConstraint(
                condition=Q(deputy_number=None, deputy_until=None)
                | Q(deputy_number__isnull=False, deputy_until__isnull=False),
                name="gifts_deputy_has_an_end",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["person", "-id"], name="gifts_of_person"),
            models.Index(fields=["until"], condition=Q(state=states.OPEN), name="gifts_open_until"),
            models.Index(fields=["campaign", "state", "place"], name="gifts_wanted_at"),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def ref(self) -> str:
        return f"gift:{self.public_id}"


class PaperList(models.Model):
    """A list that was kept on paper and brought in from Excel: what came, or who took one.

    Truth    the same file once a campaign (a constraint); `sealed` holds its rows, with numbers and phones of people, and
             goes after a while. What was noted of it stands in moves and hand-overs.
    """

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    campaign = models.ForeignKey("gifts.Campaign", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=8)
    state = models.CharField(max_length=7, default=states.READY)
    digest = models.CharField(max_length=64)
    sealed = models.BinaryField(null=True)
    count = models.PositiveIntegerField()  # rows
    noted = models.PositiveIntegerField(default=0)
    by = models.CharField(max_length=80)
    at = models.DateTimeField(default=clock.now)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["campaign", "kind", "digest"],
                condition=~Q(state=states.DROPPED),
                name="gifts_paper_once",
            ),
            models.CheckConstraint(condition=Q(kind__in=states.PAPERS), name="gifts_known_paper"),
            models.CheckConstraint(
                condition=Q(state=states.NOTED, done_at__isnull=False)
                | Q(state__in=(states.READY, states.DROPPED), done_at=None),
                name="gifts_noted_when",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["campaign", "-id"], name="gifts_papers_of")]

    def __str__(self) -> str:
        return self.public_id

    @property
    def ref(self) -> str:
        return f"gift-paper:{self.public_id}"


class Guess(models.Model):
    """Somebody at a counter tried a number or a code that there isn't."""

    person = models.ForeignKey("people.Person", on_delete=models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField(default=clock.now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["person", "-at"], name="gifts_guesses_of")]

    def __str__(self) -> str:
        return str(self.person_id)


class HandOver(models.Model):
    """A kit went over the counter."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    allotment = models.ForeignKey(Allotment, on_delete=models.CASCADE, related_name="handings")
    place = models.ForeignKey("gifts.Place", on_delete=models.PROTECT, related_name="+")
    donation = models.ForeignKey("gifts.Donation", on_delete=models.PROTECT, related_name="+")
    by = models.CharField(max_length=80)
    at = models.DateTimeField(default=clock.now)
    is_signed = models.BooleanField()  # scanned, not typed
    # The list that says so; the row was written when that was noted, and `at` is what the paper says.
    paper = models.ForeignKey(PaperList, on_delete=models.PROTECT, null=True, related_name="+")
    to_deputy = models.BooleanField(default=False)
    undone_at = models.DateTimeField(null=True)
    undone_by = models.CharField(max_length=80, blank=True)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["allotment"], condition=Q(undone_at=None), name="gifts_handed_once"),
            models.CheckConstraint(
                condition=Q(undone_at=None, reason="") | (Q(undone_at__isnull=False) & ~Q(reason="")),
                name="gifts_undone_says_why",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["place", "-id"], name="gifts_handed_at")]

    def __str__(self) -> str:
        return self.public_id
