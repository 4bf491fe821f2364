"""Reads on photos, as frozen values without claims, owner or file name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from qixia.media.models import Evidence


@dataclass(frozen=True, slots=True)
class Picture:
    """What a page needs to show a photo: `width` × `height` keep its place free, `colour` fills it while it loads."""

    public_id: str
    state: str
    width: int
    height: int
    colour: str


def pictures(evidence_ids: Iterable[int]) -> dict[int, Picture]:
    """Evidence id → picture, in one statement."""
    rows = Evidence.objects.filter(pk__in=list(evidence_ids)).values_list(
        "pk", "public_id", "state", "width", "height", "colour"
    )
    return {pk: Picture(name, state, width, height, colour) for pk, name, state, width, height, colour in rows}


@dataclass(frozen=True, slots=True)
class Served:
    """What the picture page needs to answer one request."""

    state: str
    storage_name: str
    revision: int


def served(public_id: str) -> Served | None:
    row = Evidence.objects.filter(public_id=public_id).values_list("state", "storage_name", "revision").first()
    return Served(*row) if row else None
