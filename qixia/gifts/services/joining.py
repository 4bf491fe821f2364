"""Who joins gets what is there for who joins, without a draw.

Retries  the same person again: nothing. When no kit is left, nobody is promised one.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from qixia.audit.services import record
from qixia.gifts import access, states
from qixia.gifts.models import Allotment, Campaign
from qixia.gifts.services.numbering import fresh_numbers
from qixia.kernel import clock
from qixia.notices.services import tell
from qixia.people.access import SYSTEM, actor_for
from qixia.people.queries import person_id_for


@transaction.atomic
def allot_joining(*, person: str) -> list[Allotment]:
    """Every joining gift that is open, for the rider with this public id. Returns the new ones."""
    person_id = person_id_for(person)
    if person_id is None:
        return []
    actor, now = actor_for(person_id), clock.now()
    live = Campaign.objects.filter(
        state=states.OPEN, way=states.ON_JOINING, starts_at__lte=now, ends_at__gt=now, allotted__lt=F("usable")
    )
    found = []
    for row in live.order_by("pk"):
        if not access.is_for(row, actor) or access.own_gifts(actor).filter(campaign=row).exists():
            continue
        # The condition again: somebody may have got the last one in between.
        left = Campaign.objects.filter(pk=row.pk, state=states.OPEN, allotted__lt=F("usable"))
        if not left.update(allotted=F("allotted") + 1):
            continue
        made = Allotment.objects.create(
            campaign=row,
            person_id=person_id,
            number=fresh_numbers(1)[0],
            why=states.BY_JOINING,
            until=row.collect_until,
        )
        record("gifts.allotted", subject=made.ref, actor=SYSTEM.ref, campaign=row.public_id)
        day = f"{clock.city_time(made.until):%Y-%m-%d}"
        link = f"/gifts/mine/{made.public_id}"
        tell(person_id, "gift.joining", key=made.ref, params={"name": row.title, "day": day}, link=link)
        found.append(made)
    return found
