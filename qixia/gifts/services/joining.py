"""Who joins gets what is there for who joins, without a draw; where a campaign says so, who joined before gets one too.

Who      access.is_for; of those who joined before, `reach` and `joined_since` of the campaign decide.
Order    earlier ones in the order in which they were registered here; when no kit is left, nobody is promised one, and when
         some come later, the job looks from the beginning again.
Retries  the same person again: nothing (the campaign's lock, then a look, then the constraint). A batch a transaction, with
         its place in `Campaign.swept`.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import F, QuerySet

from qixia.audit.services import Act, record_many
from qixia.gifts import access, states
from qixia.gifts.models import Allotment, Campaign
from qixia.gifts.services.allotting import Gift, allot
from qixia.kernel import clock
from qixia.notices.services import Tell, tell_many
from qixia.people.access import SYSTEM, actor_for
from qixia.people.queries import person_id_for, riders_after

BATCH = 2_000


@transaction.atomic
def allot_joining(*, person: str) -> list[Allotment]:
    """Every joining gift that is open, for the rider with this public id. Returns the new ones."""
    person_id = person_id_for(person)
    if person_id is None:
        return []
    actor, found = actor_for(person_id), []
    # Held one after the other in the order of their keys: whoever sweeps through earlier riders waits, or is waited for.
    live = _live().select_for_update(no_key=True).order_by("pk")
    for row in live:
        if access.is_for(row, actor) and not _who_have(row, [person_id]):
            found += _give(row, [person_id])
    return list(Allotment.objects.filter(public_id__in=found).select_related("campaign").order_by("pk"))


@transaction.atomic
def allot_earlier() -> int:
    """One batch of riders who joined before, for the oldest campaign that has some for them. Returns how many were looked at,
    0 when there is nobody left to look at."""
    # All of them are held, as by who registers meanwhile: nobody gets one of a kind twice from two campaigns.
    live = list(_live().select_for_update(no_key=True).order_by("pk"))
    row = next((one for one in live if one.reach != states.FROM_NOW and one.swept != SWEPT), None)
    if row is None:
        return 0
    riders = riders_after(row.swept, BATCH, since=row.joined_since)
    done = _who_have(row, [one.person_id for one in riders])
    wanted = [
        one.person_id
        for one in riders
        if one.person_id not in done and one.platforms and (not row.platforms or one.platforms & set(row.platforms))
    ]
    free = row.usable - row.allotted
    _give(row, wanted[:free])
    # Where kits run out, the rest waits for more: receiving sets the place back.
    Campaign.objects.filter(pk=row.pk).update(swept=riders[-1].person_id if len(riders) == BATCH else SWEPT)
    return len(riders) or 1


def _who_have(row: Campaign, people: list[int]) -> set[int]:
    """Who of them got a joining gift of this kind, from this campaign or another: a rider joins once, not once in each
    community that gives something for it."""
    mine = Allotment.objects.filter(campaign__kind=row.kind, campaign__way=states.ON_JOINING, person_id__in=people)
    return set(mine.values_list("person_id", flat=True)) - {None}


#: Everybody was looked at. Larger than any key.
SWEPT = 2**62


def _live() -> QuerySet[Campaign]:
    now = clock.now()
    return Campaign.objects.filter(
        state=states.OPEN, way=states.ON_JOINING, starts_at__lte=now, ends_at__gt=now, allotted__lt=F("usable")
    )


def _give(row: Campaign, people: list[int]) -> list[str]:
    """One for each of these, who have none; they are told. Public ids in the same order."""
    ids = allot(row, [Gift(person, states.BY_JOINING) for person in people])
    record_many(
        Act("gifts.allotted", f"gift:{public_id}", SYSTEM.ref, {"campaign": row.public_id}) for public_id in ids
    )
    facts = {"name": row.title, "day": f"{clock.city_time(row.collect_until):%Y-%m-%d}"}
    tell_many(
        Tell(person, "gift.joining", facts, f"/gifts/mine/{public_id}", f"gift:{public_id}")
        for person, public_id in zip(people, ids, strict=True)
    )
    return ids
