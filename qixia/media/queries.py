"""Reads on photos, as frozen values without claims, owner or file name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet

from qixia.media import files
from qixia.media.models import DESTROYED, Evidence

_SAME_FILES = 2000


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


def same_files(owner_refs: Iterable[str]) -> dict[str, set[str]]:
    """Owner → other owners who had a photo with the very same bytes before; of a file that very many have, the first
    ones. Two statements."""
    photos = Evidence.objects.exclude(digest="")  # an original that is gone says nothing
    mine = list(photos.filter(owner_ref__in=list(owner_refs)).values_list("pk", "owner_ref", "digest"))
    if not mine:
        return {}
    earlier_ones = photos.filter(digest__in={digest for _pk, _owner, digest in mine}).order_by("pk")
    known: dict[str, list[tuple[int, str]]] = {}
    for pk, owner, digest in earlier_ones.values_list("pk", "owner_ref", "digest")[:_SAME_FILES]:
        known.setdefault(digest, []).append((pk, owner))
    found: dict[str, set[str]] = {}
    for pk, owner, digest in mine:
        if others := {other for earlier, other in known.get(digest, ()) if earlier < pk and other != owner}:
            found.setdefault(owner, set()).update(others)
    return found


def ids_of(public_ids: Sequence[str]) -> list[int]:
    """Evidence ids in the order asked for; what is not there is left out."""
    found = dict(Evidence.objects.filter(public_id__in=public_ids).values_list("public_id", "pk"))
    return [found[name] for name in public_ids if name in found]


@dataclass(frozen=True, slots=True)
class Film:
    """A clip as a page names it; it is never shown itself."""

    public_id: str
    state: str
    seconds: int | None


def films(owner_ref: str) -> list[Film]:
    """The clips of a record, oldest first."""
    rows = Evidence.objects.filter(owner_ref=owner_ref, kind=Evidence.Kind.CLIP).order_by("pk")
    found = rows.values_list("public_id", "state", "duration_ms")
    return [Film(name, state, None if ms is None else round(ms / 1000)) for name, state, ms in found]


@dataclass(frozen=True, slots=True)
class Served:
    """What the picture page needs to answer one request."""

    state: str
    storage_name: str
    revision: int


def served(public_id: str) -> Served | None:
    row = Evidence.objects.filter(public_id=public_id).values_list("state", "storage_name", "revision").first()
    return Served(*row) if row else None


def redacted_copy(public_id: str, size: str) -> bytes | None:
    """The bytes of a copy that may be seen; None unless the photo is ready and somebody has looked for faces and plates.

    Asked for again after reading: if boxes were set meanwhile, what was read may show what is covered now.
    """
    before = _seen(public_id)
    if before is None:
        return None
    try:
        content = files.copy_path(before.storage_name, size).read_bytes()
    except FileNotFoundError:
        return None
    return content if _seen(public_id) == before else None


def _seen(public_id: str) -> Served | None:
    found = served(public_id)
    looked = Evidence.objects.filter(public_id=public_id, state=Evidence.State.READY).exclude(boxes_by="")
    return found if found is not None and looked.exists() else None


def states_of(public_ids: Iterable[str]) -> dict[str, str]:
    """Public id → state, for those who make addresses of pictures that belong to no report yet. One query."""
    wanted = set(public_ids)
    if not wanted:
        return {}
    return dict(Evidence.objects.filter(public_id__in=wanted).values_list("public_id", "state"))


def states() -> dict[str, int]:
    """How many photos and clips are in each state; every state is there."""
    counted = dict(Evidence.objects.order_by().values_list("state").annotate(n=Count("pk")))
    return {state: counted.get(state, 0) for state in Evidence.State.values}


def oldest_pending_s(now: datetime) -> float:
    """Seconds that the oldest picture has waited for its copies; 0 if none waits."""
    since = Evidence.objects.filter(state="pending").order_by("created_at").values_list("created_at", flat=True).first()
    return max(0.0, (now - since).total_seconds()) if since else 0.0


def older_than_redaction() -> QuerySet[Evidence]:
    """Photos whose copies nobody has searched for faces and plates; they are out of sight."""
    return Evidence.objects.filter(state=Evidence.State.PENDING, boxes_by="").exclude(sizes={})


@dataclass(frozen=True, slots=True)
class Covering:
    """What the page needs where boxes are settled. Sizes are those of the upright original, in pixels."""

    public_id: str
    owner_ref: str
    state: str
    width: int
    height: int
    colour: str
    revision: int
    boxes: list[dict[str, Any]]
    boxes_by: str
    has_original: bool


def covering(public_id: str) -> Covering | None:
    """None for a clip too: its frames are covered, one by one."""
    row = Evidence.objects.filter(public_id=public_id).exclude(kind=Evidence.Kind.CLIP).first()
    if row is None:
        return None
    names = ("public_id", "owner_ref", "state", "width", "height", "colour", "revision", "boxes", "boxes_by")
    facts = {name: getattr(row, name) for name in names}
    return Covering(**facts, has_original=row.key_id != DESTROYED)
