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
