"""Many get one at once: the rows, and the campaign's count of what is promised.

Retries  the caller's transaction: the campaign's lock is held, and who has one already is a conflict (gifts_nobody_twice).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import F

from qixia.audit.rows import insert_many
from qixia.gifts import states
from qixia.gifts.models import Allotment, Campaign
from qixia.gifts.services.numbering import fresh_numbers
from qixia.kernel import clock
from qixia.kernel.ids import new_public_id

_COLUMNS = (
    "public_id",
    "campaign_id",
    "person_id",
    "draw_id",
    "place_id",
    "number",
    "why",
    "state",
    "until",
    "made_at",
)


@dataclass(frozen=True, slots=True)
class Gift:
    """Who gets one and why; of a draw and to be collected at a place, where there are such."""

    person_id: int
    why: str
    draw_id: int | None = None
    place_id: int | None = None


def allot(campaign: Campaign, gifts: Sequence[Gift]) -> list[str]:
    """Write them down. Returns the public ids in the order of `gifts`."""
    now = clock.now()
    rows = [
        (
            new_public_id(),
            campaign.pk,
            gift.person_id,
            gift.draw_id,
            gift.place_id,
            number,
            gift.why,
            states.OPEN,
            campaign.collect_until,
            now,
        )
        for gift, number in zip(gifts, fresh_numbers(len(gifts)), strict=True)
    ]
    insert_many(Allotment, _COLUMNS, rows)
    Campaign.objects.filter(pk=campaign.pk).update(allotted=F("allotted") + len(rows))
    return [row[0] for row in rows]
