"""Figures that are counted every hour, for pages that would otherwise read weeks of rows each time they are opened.

Truth    the rows that were counted; a document here can be thrown away at any time. It holds counts and nothing else.
"""

from __future__ import annotations

from django.db import models


class Figures(models.Model):
    """What was counted under one name, as of `at`."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()
    data = models.JSONField()

    def __str__(self) -> str:
        return self.name
