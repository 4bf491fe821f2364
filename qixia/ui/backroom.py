"""For Django's admin: what the address may ask of a list.

Django filters a list by every column of its table that the address names, shown or not: `?beneficiary=…` would answer
what the page hides, and `?password__startswith=…` would spell out a hash. Here only the filters of the page count.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpRequest


class OwnFiltersOnly:
    """For a ModelAdmin, before it in the bases: lookups are those of `list_filter`; others are a bad request (400)."""

    list_filter: ClassVar[Any]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        names = (one if isinstance(one, str) else one[0] for one in self.list_filter)
        return any(lookup == name or lookup.startswith(f"{name}__") for name in names)
