"""What lies before one person at work, counted for the morning and afternoon summaries."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Count, Q

from qixia.kernel import clock
from qixia.notices.digests import Counts
from qixia.people.access import actor_for
from qixia.reports import access, states
from qixia.reports.queries.listing import over

NEW_FOR = timedelta(hours=24)


def work_of(person_id: int) -> Counts:
    """Open cases that came in within a day, those whose limit ends later today, those over it. Two queries."""
    actor, now = actor_for(person_id), clock.now()
    _begins, ends = clock.city_day(clock.city_date(now))
    found = (
        access.cases(actor)
        .filter(state__in=states.OPEN)
        .aggregate(
            new=Count("pk", filter=Q(received_at__gt=now - NEW_FOR)),
            due=Count("pk", filter=Q(state__in=states.WITH_UNIT, resolve_due__gte=now, resolve_due__lt=ends)),
            overdue=Count("pk", filter=over()),
        )
    )
    return Counts(**found)
