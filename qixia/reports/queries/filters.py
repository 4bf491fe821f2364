"""Saved filters as the queue shows them: own ones first, then those that colleagues of the organisation share."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q

from qixia.people.access import Actor
from qixia.reports import access
from qixia.reports.models import SavedFilter


@dataclass(frozen=True, slots=True)
class SavedView:
    """One chip. `query` is what stands behind the question mark."""

    public_id: str
    name: str
    query: str
    is_own: bool
    is_shared: bool
    is_default: bool


def saved_filters(actor: Actor) -> list[SavedView]:
    """One query."""
    rows = SavedFilter.objects.filter(
        Q(owner_id=actor.person_id) | Q(shared_with_id__in=actor.organisation_ids(*access.STAFF_ROLES))
    )
    found = [
        SavedView(
            public_id=row.public_id,
            name=row.name,
            query=row.query,
            is_own=row.owner_id == actor.person_id,
            is_shared=row.shared_with_id is not None,
            is_default=row.is_default and row.owner_id == actor.person_id,
        )
        for row in rows.order_by("name", "pk")
    ]
    return sorted(found, key=lambda one: not one.is_own)
