"""What a rider gets of the own gifts (people's right to a copy)."""

from __future__ import annotations

from typing import Any

from qixia.gifts.access import own_entries, own_gifts
from qixia.gifts.models import HandOver
from qixia.people.access import Actor


def export_of(actor: Actor) -> dict[str, Any]:
    """Draws entered and kits given, latest first."""
    entries = own_entries(actor).order_by("-pk")
    gifts = own_gifts(actor).order_by("-pk")
    names = ("campaign__title", "code", "place__name", "need", "need_state", "at")
    columns = ("pk", "campaign__title", "number", "why", "state", "made_at", "until")
    handed = {
        gift: {"at": at, "place": place, "to_deputy": to_deputy, "undone_at": undone_at}
        for gift, at, place, to_deputy, undone_at in HandOver.objects.filter(allotment__in=gifts)
        .order_by("pk")
        .values_list("allotment_id", "at", "place__name", "to_deputy", "undone_at")
    }
    return {
        "entries": [
            {"campaign": row[0], "code": row[1], "place": row[2], "need": row[3], "need_state": row[4], "at": row[5]}
            for row in entries.values_list(*names)
        ],
        "gifts": [
            {
                "campaign": title,
                "number": number,
                "why": why,
                "state": state,
                "given_at": made_at,
                "until": until,
                "handed_over": handed.get(pk),
            }
            for pk, title, number, why, state, made_at, until in gifts.values_list(*columns)
        ],
    }
