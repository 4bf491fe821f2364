"""Where a photo seems to come from: advice, made anew at will."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from qixia.media import lookalikes, provenance
from qixia.media.models import Evidence
from qixia.media.provenance import Facts


def judge_provenance(
    *, public_id: str, facts: Facts, nameable: Callable[[Sequence[str]], Collection[str]] = frozenset
) -> str:
    """Write down where a photo seems to come from and what speaks for it; returns the class, "" if it can't be said.

    `facts` are the owner's: media knows no reports. Of the earlier photos that are the same picture only those are named
    that `nameable` grants: whether two photos may be joined is the owner's to say. Judging again gives the same.
    """
    row = Evidence.objects.filter(public_id=public_id).exclude(kind=Evidence.Kind.CLIP).first()
    if row is None:
        return ""
    same = lookalikes.earlier_same(row)
    try:
        found = _findings(row, facts, reused=bool(same))
    except lookalikes.NoPixels:
        return ""
    signs = provenance.signs(found)
    if same:
        granted = nameable([match.public_id for match in same])
        signs["reused"] = {
            "exact": same[0].exact,
            "copied": max(match.copied for match in same),
            "earlier": [match.public_id for match in same if match.public_id in granted],
        }
    source = provenance.classify(found)
    Evidence.objects.filter(pk=row.pk).update(provenance=source, provenance_signs=signs)
    return source


def _findings(row: Evidence, facts: Facts, *, reused: bool) -> provenance.Findings:
    claimed, measured = row.claimed, row.measured
    like_screenshot, like_screen = lookalikes.pixel_signs(
        lookalikes.shot(row), bool(measured.get("camera") or claimed.get("camera"))
    )
    return provenance.Findings(
        source=str(claimed.get("source", "")),
        screenshot=like_screenshot,
        screen=like_screen,
        odds=provenance.worst(provenance.odds(claimed, facts), provenance.odds(measured, facts)),
        reused=reused,
    )
