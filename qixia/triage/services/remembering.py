"""Keeps the fingerprints by which a report is found again. A derived index: the report is the truth.

Errors   none for a ref that isn't there: its report was forgotten, or never remembered.
Retries  the same call again changes nothing. `remember_many` never opens or closes what is known already.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from qixia.triage.candidates import marks_many, photo_number
from qixia.triage.duplicates.marks import Marks, Seen
from qixia.triage.models import Fingerprint
from qixia.triage.nearby import cell_of, rounded

_KEPT = ("cell", "lat", "lng", "accuracy_m", "at", "cls", "marks", "photo_hash")


def remember_many(items: Sequence[Seen]) -> None:
    """Make fingerprints, or make them anew with what is known now; one statement. The last of a ref counts."""
    latest = {seen.ref: seen for seen in items}
    # In the order of their keys, so that two batches with the same reports wait for, and never block, each other.
    seen = [latest[ref] for ref in sorted(latest)]
    rows = [_row(one, marks) for one, marks in zip(seen, marks_many(seen), strict=True)]
    Fingerprint.objects.bulk_create(rows, update_conflicts=True, unique_fields=["ref"], update_fields=_KEPT)


def not_remembered(refs: Sequence[str]) -> list[str]:
    """Those of `refs` that have no fingerprint, in their order. One query."""
    known = set(Fingerprint.objects.filter(ref__in=refs).values_list("ref", flat=True))
    return [ref for ref in refs if ref not in known]


def set_closed(ref: str, at: datetime | None) -> None:
    """The report was closed then, or (None) is open again: what was closed is a recurrence, not a duplicate."""
    Fingerprint.objects.filter(ref=ref).update(closed_at=at)


def set_closed_many(refs: Sequence[str], at: datetime | None) -> None:
    """The same for several; one statement."""
    Fingerprint.objects.filter(ref__in=refs).update(closed_at=at)


def forget(*refs: str) -> None:
    """Remove the fingerprints of reports, as with reports that are removed."""
    Fingerprint.objects.filter(ref__in=refs).delete()


def _row(seen: Seen, marks: Marks) -> Fingerprint:
    return Fingerprint(
        ref=seen.ref,
        cell=cell_of(seen.lat, seen.lng),
        lat=rounded(seen.lat),
        lng=rounded(seen.lng),
        accuracy_m=seen.accuracy_m,
        at=seen.at,
        cls=seen.cls,
        marks=marks.to_bytes(),
        photo_hash=photo_number(seen.photo_hash),
    )
