"""Versioned rules and the stamp of the installation."""

from __future__ import annotations

from django.db import models


class RuleVersion(models.Model):
    """One published version of one kind of rule. Never edited: a change is a new version."""

    kind = models.CharField(max_length=60)
    version = models.PositiveIntegerField()
    valid_from = models.DateTimeField()
    data = models.JSONField()
    note = models.CharField(max_length=300, blank=True)
    published_by = models.CharField(max_length=80)
    published_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "version"], name="policy_one_version")]
        ordering = ["kind", "version"]


class Installation(models.Model):
    """The one row that says what this database is. A database stamped demo stays one for ever."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    is_demo = models.BooleanField()
    seed = models.IntegerField(default=0)
    as_of = models.DateField(null=True)
    stamped_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="policy_one_installation")]


class CalendarYear(models.Model):
    """Where the working days of a year come from. "weekends": nobody knows its holidays yet; Monday to Friday is worked."""

    year = models.PositiveSmallIntegerField(primary_key=True)
    source = models.CharField(max_length=8)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(source__in=("package", "person", "weekends")), name="policy_calendar_source"
            )
        ]

    @property
    def is_fallback(self) -> bool:
        return self.source == "weekends"


class CalendarDay(models.Model):
    """A day that the calendar names: a holiday, or a weekend that is worked. Other days follow the week."""

    date = models.DateField(unique=True)
    kind = models.CharField(max_length=7)
    name = models.CharField(max_length=40, blank=True)
    source = models.CharField(max_length=7)

    class Meta:
        ordering = ["date"]
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=("holiday", "workday")), name="policy_day_kind"),
            models.CheckConstraint(condition=models.Q(source__in=("package", "person")), name="policy_day_source"),
        ]


class CalendarEdit(models.Model):
    """One change of the calendar; its key is the calendar's version. Never edited: a mistake is mended by the next one."""

    at = models.DateTimeField()
    actor = models.CharField(max_length=80)
    year = models.PositiveSmallIntegerField()
    date = models.DateField(null=True)  # none: the year as a whole
    before = models.CharField(max_length=8, blank=True)  # "" follows the week
    after = models.CharField(max_length=8, blank=True)
    note = models.CharField(max_length=300, blank=True)
