"""What is covered in a picture: by a person, or again by the machine."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from qixia.audit.rules import check_reason
from qixia.audit.services import record, record_access
from qixia.jobs.services import enqueue_many, publish
from qixia.kernel.errors import NotFound, Stale
from qixia.kernel.keys import BadSeal
from qixia.media import queries, redaction
from qixia.media.models import DESTROYED, Evidence
from qixia.media.sealed import Damaged
from qixia.media.services.copying import develop_evidence
from qixia.media.services.originals import OriginalGone
from qixia.media.services.rows import OPENED, SYSTEM, log, payload_of, ref_of
from qixia.media.services.taking import copies_of


def set_boxes(*, public_id: str, boxes: object, actor: str, revision: int, reason: str = "") -> int:
    """Say what is covered in a photo; its copies go at once and are made anew by a job. Returns how many boxes.

    For a caller who has decided that `actor` (a ref) may. `boxes` is a list of {"kind", "x", "y", "w", "h"} in pixels of
    the upright original; one that stood there before keeps its score and who set it. Whatever uncovers something, or
    shows a held photo, is an access to what is personal: it wants a `reason` in words and is recorded as such. What is
    uncovered is told to the reporter like an opened original.
    Invalid names "boxes" or "reason"; Stale if `revision` isn't the one that is; then nothing has changed.
    """
    row = Evidence.objects.filter(public_id=public_id).exclude(kind=Evidence.Kind.CLIP).first()
    if row is None:
        raise NotFound
    if row.key_id == DESTROYED:
        raise OriginalGone
    before = redaction.boxes_of(row.boxes)
    after = redaction.read_boxes(boxes, (row.width, row.height), before=before, by=actor)
    shown = redaction.uncovered(before, after)
    may_show = bool(shown) or row.state == Evidence.State.HELD
    if may_show:
        reason = check_reason(reason)
    with transaction.atomic():
        _replace_boxes(row, after, revision)
        if may_show:
            record_access(
                kind="boxes", subject=row.owner_ref, actor=actor, basis="quality", reason=reason, evidence=public_id
            )
        if shown:  # whoever sees the picture sees this as it came, so its reporter hears of it as of an opened original
            publish(OPENED, ref_of(row), payload_of(row) | {"basis": "quality"})
        record("media.boxes_set", subject=ref_of(row), actor=actor, boxes=len(after), shown=len(shown))
        enqueue_many([copies_of([row])])
    return len(after)


def _replace_boxes(row: Evidence, boxes: Sequence[redaction.Box], revision: int) -> None:
    """Pending at once: until the copies are made anew, the old ones might show what is to be covered."""
    settled = Evidence.objects.filter(
        pk=row.pk, revision=revision, state__in=(Evidence.State.READY, Evidence.State.HELD)
    )
    changed = settled.update(
        boxes=[box.as_dict() for box in boxes],
        boxes_by=Evidence.BoxesBy.PERSON,
        state=Evidence.State.PENDING,
        revision=revision + 1,
    )
    if not changed:
        raise Stale


def redact_again(limit: int = 50) -> int:
    """Make copies anew that are older than redaction (migration 0007 took them away). Returns how many it took on.

    Resumes where it was killed: a photo done is no longer pending. One that fails is left for the next round.
    """
    waiting = queries.older_than_redaction()
    ids = list(waiting.order_by("pk").values_list("pk", flat=True)[:limit])
    for evidence_id in ids:
        try:
            develop_evidence(evidence_id)
        except (OSError, Damaged, BadSeal):
            log.exception("not redacted", extra={"evidence_pk": evidence_id})
    done = len(ids) - waiting.filter(pk__in=ids).count()
    if done:
        record("media.redacted_again", subject="media", actor=SYSTEM, photos=done)
    return done
