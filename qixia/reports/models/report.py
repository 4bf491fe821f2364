"""A report, its photos and its history.

Truth    `state` moves only along states.STEPS by conditional updates; ReportStep rows are the history and never change.
Secrecy  a sealed report carries a sealed link and a keyed index of its reporter (see sealing.py), an anonymous one only
         the hash of a secret that the phone keeps, and one that no rider sent (a part, an import) none of the three. A
         constraint holds that. Nothing made for handlers reads any of them.
Parts    `part_of` names the whole that a clerk split for several units (services/splitting.py); a part has no parts.
Merged   `merged_into` names the lead, which is never merged itself (services/merging.py).
Times    UTC. `received_at` is the server's; `captured_at` is what the phone claims.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from qixia.kernel.ids import new_number, new_public_id
from qixia.reports import states

VALIDITY = ("undecided", "valid", "invalid")
SECRECY = ("sealed", "anonymous", "none")
LIKENESS = ("", "same", "unsure", "different")


class Report(models.Model):
    """Something that a rider raised."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id)
    number = models.CharField(max_length=9, unique=True, default=new_number)
    state = models.CharField(max_length=12, default="received")

    # What the rider said
    secrecy = models.CharField(max_length=9, default="sealed", db_default="sealed")
    reporter_link = models.BinaryField(null=True)
    reporter_index = models.CharField(max_length=40, null=True)  # noqa: DJ001 — nobody is not ""
    claim_hash = models.CharField(max_length=64, null=True)  # noqa: DJ001 — nobody is not ""
    name_hidden = models.BooleanField(default=True)
    words = models.TextField(blank=True)
    hint = models.CharField(max_length=40, blank=True)  # class that the rider chose
    building = models.CharField(max_length=40, blank=True)
    floor = models.CharField(max_length=40, blank=True)
    spot = models.CharField(max_length=40, blank=True)
    self_handled = models.BooleanField(default=False)
    lat = models.FloatField()
    lng = models.FloatField()
    accuracy_m = models.FloatField(null=True)
    datum = models.CharField(max_length=6, default="wgs84")
    place_source = models.CharField(max_length=6, default="gps")  # gps, photo, map
    captured_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()

    # What was found out
    cls = models.CharField(max_length=40, blank=True)
    standard_code = models.CharField(max_length=20, blank=True)
    severity = models.CharField(max_length=8, blank=True)
    confidence = models.FloatField(null=True)
    runner_up = models.CharField(max_length=40, blank=True)
    finding = models.TextField(blank=True)  # the sentence for a clerk
    evidence_words = models.JSONField(default=list)  # [{start, end, kind}]
    rings = models.BooleanField(default=False)
    sorted_by_person = models.BooleanField(default=False)
    grid_code = models.CharField(max_length=15, blank=True)
    community = models.ForeignKey("codes.Division", on_delete=models.PROTECT, null=True, related_name="+")
    site = models.ForeignKey("places.Site", on_delete=models.SET_NULL, null=True, related_name="+")
    place = models.CharField(max_length=200, blank=True)

    # Who acts
    unit = models.ForeignKey("people.Organisation", on_delete=models.PROTECT, null=True, related_name="+")
    route_reason = models.CharField(max_length=120, blank=True)
    assignee = models.ForeignKey("people.Person", on_delete=models.PROTECT, null=True, related_name="+")
    # After a return: who answers for it until another unit accepts. Nobody: the unit that has it.
    charge = models.ForeignKey(
        "people.Organisation", on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    validity = models.CharField(max_length=9, default="undecided")

    # Other reports of the same place: this one goes on in the lead; the hazard was mended once and is back.
    merged_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    recurs = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+", db_index=False)

    # What was split for several units: each part is a report of its own, without a reporter.
    part_of = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="parts", db_index=False)

    # Clocks
    receive_due = models.DateTimeField(null=True)
    answer_due = models.DateTimeField()
    resolve_due = models.DateTimeField(null=True)
    verify_due = models.DateTimeField(null=True)
    promised_due = models.DateTimeField(null=True)  # studied: an answer was promised by then, and is due then
    dispatched_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    verified_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    reopened = models.PositiveSmallIntegerField(default=0)
    resolve_limit = models.CharField(max_length=16, default="", db_default="")  # "5 工作日"; see kernel.worktime
    verify_limit = models.CharField(max_length=16, default="", db_default="")
    resolve_from = models.DateTimeField(null=True)  # where the clock of resolving started anew; else at the receipt
    paused_at = models.DateTimeField(null=True)
    pause_until = models.DateTimeField(null=True)  # when the pause is to end; the policy may end it sooner
    shifted = models.BooleanField(default=False, db_default=False)  # there are pauses or extensions (models/clocks.py)
    clock_round = models.PositiveSmallIntegerField(default=0, db_default=0)  # how often a clock started anew or longer
    receive_round = models.PositiveSmallIntegerField(default=0, db_default=0)  # how often it went to another unit
    overdue = models.PositiveSmallIntegerField(default=0, db_default=0)  # of the running clock: 1 over, 3 thrice over
    clock_at = models.DateTimeField(null=True)  # when its clocks must be looked at next (services/reminding.py)
    points = models.IntegerField(null=True)  # what the dispatch paid or promised; the books are in rewards

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=states.STATES), name="reports_known_state"),
            models.CheckConstraint(condition=Q(validity__in=VALIDITY), name="reports_known_validity"),
            models.CheckConstraint(
                condition=Q(lat__gte=-90, lat__lte=90, lng__gte=-180, lng__lte=180), name="reports_on_earth"
            ),
            models.CheckConstraint(
                condition=Q(
                    secrecy="sealed", reporter_link__isnull=False, reporter_index__isnull=False, claim_hash__isnull=True
                )
                | Q(
                    secrecy="anonymous",
                    reporter_link__isnull=True,
                    reporter_index__isnull=True,
                    claim_hash__isnull=False,
                )
                | Q(secrecy="none", reporter_link__isnull=True, reporter_index__isnull=True, claim_hash__isnull=True),
                name="reports_secrecy",
            ),
            models.CheckConstraint(
                condition=Q(part_of__isnull=True) | (Q(secrecy="none") & ~Q(part_of=F("id"))),
                name="reports_parts_have_no_reporter",
            ),
            models.CheckConstraint(
                condition=Q(state="merged", merged_into__isnull=False)
                | (~Q(state="merged") & Q(merged_into__isnull=True)),
                name="reports_merged_has_a_lead",
            ),
            models.CheckConstraint(condition=~Q(merged_into=F("id")), name="reports_not_into_itself"),
            # Partial: a sealed report, the common kind, writes nothing into it.
            models.UniqueConstraint(
                fields=["claim_hash"], condition=Q(claim_hash__isnull=False), name="reports_one_claim"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["reporter_index", "-id"], name="reports_own"),
            models.Index(fields=["unit", "state", "resolve_due", "id"], name="reports_queue"),
            models.Index(fields=["state", "received_at", "id"], name="reports_by_state"),
            models.Index(fields=["community", "state", "id"], name="reports_by_community"),
            models.Index(fields=["state", "resolve_due", "id"], name="reports_by_due"),
            models.Index(fields=["state", "verify_due", "id"], name="reports_by_check"),
            models.Index(
                fields=["assignee", "resolve_due"], condition=Q(assignee__isnull=False), name="reports_assigned"
            ),
            models.Index(fields=["lat", "lng"], name="reports_on_map"),
            models.Index(fields=["received_at"], name="reports_received"),
            # Partial: the queue in its order, what is late, what has no answer, what the clocks look at next.
            models.Index(
                fields=["resolve_due", "id"], condition=Q(state__in=states.WITH_UNIT), name="reports_queue_due"
            ),
            models.Index(fields=["overdue", "resolve_due", "id"], condition=Q(overdue__gt=0), name="reports_overdue"),
            models.Index(
                fields=["answer_due", "id"],
                condition=Q(answered_at__isnull=True, state__in=states.OPEN),
                name="reports_unanswered",
            ),
            models.Index(fields=["clock_at", "id"], condition=Q(clock_at__isnull=False), name="reports_clock_at"),
            # Partial: most reports are merged into none and recur from none.
            models.Index(fields=["merged_into"], condition=Q(merged_into__isnull=False), name="reports_merged"),
            models.Index(fields=["recurs"], condition=Q(recurs__isnull=False), name="reports_recurring"),
            models.Index(fields=["charge"], condition=Q(charge__isnull=False), name="reports_in_charge"),
            models.Index(fields=["part_of"], condition=Q(part_of__isnull=False), name="reports_parts"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def ref(self) -> str:
        return f"report:{self.public_id}"

    @property
    def handled_by_rider(self) -> bool:
        """The reporter put it right on the spot, and no unit has had it since."""
        return self.self_handled and self.accepted_at is None


class ReportPhoto(models.Model):
    """A picture of a report: before, onsite, after, or later: what a second rider saw."""

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="photos")
    evidence = models.ForeignKey("media.Evidence", on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=6)
    position = models.PositiveSmallIntegerField(default=0)
    by_reporter = models.BooleanField(default=True)
    at = models.DateTimeField()
    # Whether it shows the same place as the photo of before; "" before somebody looked (media.likeness).
    likeness = models.CharField(max_length=9, blank=True, default="", db_default="")
    likeness_score = models.FloatField(null=True)
    copied = models.BooleanField(default=False, db_default=False)  # looks like a copy of the photo of before

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(role__in=["before", "onsite", "after", "later"]), name="reports_photo_role"
            ),
            models.CheckConstraint(condition=Q(likeness__in=LIKENESS), name="reports_photo_likeness"),
        ]
        ordering: ClassVar = ["report_id", "id"]


class ReportStep(models.Model):
    """One thing that happened to a report. Append-only by trigger."""

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="steps")
    at = models.DateTimeField()
    step = models.CharField(max_length=16)
    before = models.CharField(max_length=12)
    after = models.CharField(max_length=12)
    actor = models.CharField(max_length=80)
    by = models.CharField(max_length=80, blank=True)  # the party that the timeline names: a unit, never a reporter
    text = models.TextField(blank=True)
    private = models.BooleanField(default=False)
    data = models.JSONField(default=dict)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["report", "id"], name="reports_history")]
