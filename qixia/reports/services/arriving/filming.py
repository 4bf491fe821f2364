"""Key frames of a clip become pictures of its report. Doing it again changes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from qixia.audit.services import record
from qixia.kernel import clock
from qixia.media.queries import ids_of
from qixia.reports.models import Report, ReportPhoto

SYSTEM = "system:film"
FIRST = 100  # frames stand behind the photos


@transaction.atomic
def attach_frames(*, owner_ref: str, frames: Sequence[str]) -> int:
    """Show the frames with these public ids, in their order, behind the photos before. Returns how many are new."""
    report = Report.objects.select_for_update(no_key=True).filter(public_id=owner_ref.removeprefix("report:")).first()
    if report is None:
        return 0
    ids = ids_of(frames)
    shown = set(ReportPhoto.objects.filter(report=report, evidence_id__in=ids).values_list("evidence_id", flat=True))
    now = clock.now()
    added = ReportPhoto.objects.bulk_create(
        ReportPhoto(report=report, evidence_id=pk, role="before", position=FIRST + place, at=now)
        for place, pk in enumerate(ids)
        if pk not in shown
    )
    if added:
        record("reports.filmed", subject=report.ref, actor=SYSTEM, frames=len(added))
    return len(added)
