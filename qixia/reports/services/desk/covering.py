"""Settling what is covered in a picture of a report.

Who      a clerk of the place, an administrator, the data officer: `queries.covering.coverable`.
Truth    media holds boxes and revision and makes the copies anew; the access log and the history are written there, in
         one transaction. A refusal changes nothing and leaves nothing.
Errors   NotFound, Stale, Invalid with field "boxes" or "reason".
"""

from __future__ import annotations

from qixia.audit.rules import check_reason
from qixia.media.services import Original, open_original, set_boxes
from qixia.people.access import Actor
from qixia.reports.queries.covering import coverable


def cover_picture(*, actor: Actor, public_id: str, picture: str, boxes: object, revision: int, reason: str = "") -> int:
    """Cover just these boxes; `reason` is needed where something comes to light. Returns how many boxes there are."""
    coverable(actor, public_id, picture)
    return set_boxes(public_id=picture, boxes=boxes, actor=actor.ref, revision=revision, reason=reason)


def open_for_covering(*, actor: Actor, public_id: str, picture: str, reason: str) -> Original:
    """The picture as it came, to place boxes on. On record, and the reporter is told."""
    coverable(actor, public_id, picture)
    return open_original(public_id=picture, actor=actor.ref, basis="quality", reason=check_reason(reason))


__all__ = ["cover_picture", "open_for_covering"]
