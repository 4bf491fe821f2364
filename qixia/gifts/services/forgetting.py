"""An erased person leaves no name in gifts: codes and sums stay, nothing says whose they were.

Retries  again: nothing changes.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from qixia.audit.services import record
from qixia.gifts import states
from qixia.gifts.models import Allotment, Campaign, Entry, Helper
from qixia.people.access import SYSTEM
from qixia.people.queries import person_id_for


@transaction.atomic
def forget_person(*, person: str) -> None:
    """Entries of open campaigns go, what waits goes back to the pool, what was handed over names nobody."""
    person_id = person_id_for(person)
    if person_id is None:
        return
    waiting = Allotment.objects.filter(person_id=person_id, state=states.OPEN)
    held = Campaign.objects.select_for_update(no_key=True).filter(pk__in=waiting.values("campaign_id"))
    list(held.order_by("pk").values_list("pk"))  # campaigns first, as whoever lets gifts lapse does
    for gift, campaign in list(waiting.values_list("pk", "campaign_id")):
        if Allotment.objects.filter(pk=gift, state=states.OPEN).update(state=states.LAPSED):
            Campaign.objects.filter(pk=campaign).update(allotted=F("allotted") - 1)
    count = Allotment.objects.filter(person_id=person_id).update(person=None, deputy_number=None, deputy_until=None)
    count += Entry.objects.filter(person_id=person_id, campaign__state=states.OPEN).delete()[0]
    count += Entry.objects.filter(person_id=person_id).update(person=None, need="", need_state="")
    count += Helper.objects.filter(person_id=person_id).delete()[0]
    if count:
        record("gifts.forgot", subject=f"person:{person}", actor=SYSTEM.ref, count=count)
