"""What was not collected goes back to the pool; before that, people are reminded once.

Retries  batches; a kill between two loses nothing and reminds nobody twice.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import Count, F

from qixia.audit.services import Act, record, record_many
from qixia.gifts import states
from qixia.gifts.models import Allotment, Campaign
from qixia.gifts.rules import SharingPolicy
from qixia.kernel import clock
from qixia.notices.services import Tell, tell_many
from qixia.people.access import SYSTEM
from qixia.policy.queries import current

BATCH = 2_000


@transaction.atomic
def lapse_due() -> int:
    """A batch of allotments whose time is over. Returns how many."""
    due = Allotment.objects.filter(state=states.OPEN, until__lte=clock.now())
    # The campaigns first and in order: the same order as everywhere.
    campaigns = sorted(set(due.order_by("until").values_list("campaign_id", flat=True)[:BATCH]))
    rows_held = Campaign.objects.select_for_update(no_key=True).filter(pk__in=campaigns).order_by("pk")
    held = {row.pk: row for row in rows_held}
    rows = due.filter(campaign_id__in=held).order_by("until").select_for_update()
    found = list(rows.values_list("pk", flat=True)[:BATCH])
    counted = Allotment.objects.filter(pk__in=found).order_by().values_list("campaign_id").annotate(n=Count("pk"))
    acts = []
    for campaign_id, count in counted.values_list("campaign_id", "n"):
        Campaign.objects.filter(pk=campaign_id).update(allotted=F("allotted") - count)
        acts.append(Act("gifts.lapsed", held[campaign_id].ref, SYSTEM.ref, {"count": count}))
    Allotment.objects.filter(pk__in=found).update(state=states.LAPSED, deputy_number=None, deputy_until=None)
    record_many(acts)
    return len(found)


@transaction.atomic
def remind() -> int:
    """Tell a batch of people whose kit waits and whose time is nearly over. Returns how many."""
    policy: SharingPolicy = current("gifts.sharing").data
    now = clock.now()
    soon = Allotment.objects.filter(
        state=states.OPEN, until__gt=now, until__lte=now + timedelta(days=policy.remind_days), reminded_at=None
    )
    columns = ("pk", "person_id", "public_id", "campaign__title", "until")
    found = list(soon.select_for_update(of=("self",)).order_by("until").values_list(*columns)[:BATCH])
    Allotment.objects.filter(pk__in=[row[0] for row in found]).update(reminded_at=now)
    tell_many(
        Tell(
            person,
            "gift.ending",
            {"name": title, "day": f"{clock.city_time(until):%Y-%m-%d}"},
            f"/gifts/mine/{gift}",
            f"gift-ending:{gift}",
        )
        for _pk, person, gift, title, until in found
        if person
    )
    if found:
        record("gifts.reminded", subject="gifts", actor=SYSTEM.ref, count=len(found))
    return len(found)
