"""What the machine sees in the photos of a report: where each seems to come from, and whether after shows the same place.

Advice for the clerk, in the slow worker. Nothing is refused here: what looks like a copy of the photo before is marked, and
whoever verifies must then say in words what convinced him. The same file again is refused at once, see `refuse_copies`.

Secrecy  of an earlier photo that is the same picture only that is written down which two photos they are, and not even
         that where either report is anonymous. Whether one rider sent both is worked out for the page, never stored.
Retries  looking again gives the same.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from django.db import transaction

from qixia.audit.services import record
from qixia.media.lookalikes import compare_places
from qixia.media.provenance import Facts
from qixia.media.services import Received, judge_provenance
from qixia.reports import errors
from qixia.reports.models import Report, ReportPhoto
from qixia.reports.sealing import ANONYMOUS, SEALED

SYSTEM = "system:look"
# What a photo of work that is done must not repeat: how it was, and what was shown before it opened again.
SHOWN = ("before", "after", "later")


def look_at_photo(*, evidence: str) -> str:
    """Look at one photo of a report, by its public id; nothing happens for one that belongs to none. Returns the public id
    of the report if its unit's photo does not seem to show the same place, else ""."""
    photo = ReportPhoto.objects.select_related("report").filter(evidence__public_id=evidence).first()
    if photo is None:
        return ""
    judge_provenance(public_id=evidence, facts=_facts(photo), nameable=partial(_nameable, photo.report))
    verdict = _compare(photo, evidence) if photo.role in ("after", "later") else ""
    return photo.report.public_id if photo.role == "after" and verdict in ("unsure", "different") else ""


def _facts(photo: ReportPhoto) -> Facts:
    """What the report says of time and place. A unit's photo is measured by when it came in."""
    report = photo.report
    captured_at = report.captured_at if photo.by_reporter else None
    return Facts(report.lat, report.lng, report.accuracy_m, captured_at, photo.at)


def _nameable(report: Report, names: Sequence[str]) -> Collection[str]:
    if report.secrecy == ANONYMOUS:
        return frozenset()
    sealed = ReportPhoto.objects.filter(evidence__public_id__in=names, report__secrecy=SEALED)
    return frozenset(sealed.values_list("evidence__public_id", flat=True))


def _compare(photo: ReportPhoto, evidence: str) -> str:
    before = ReportPhoto.objects.filter(report_id=photo.report_id, role="before").order_by("id")
    found = compare_places(list(before.values_list("evidence__public_id", flat=True)), evidence)
    if found is None:
        return ""
    with transaction.atomic():
        ReportPhoto.objects.filter(pk=photo.pk).update(
            likeness=found.verdict, likeness_score=found.score, copied=found.is_copy
        )
        if found.is_copy and not photo.copied:
            record("reports.copied_photo", subject=photo.report.ref, actor=SYSTEM, evidence=evidence)
    return found.verdict


def refuse_copies(before: Collection[str], after: Sequence[Received], *, field: str) -> None:
    """CopiedPhoto if an after-photo is the very file of one before; `before` are digests."""
    for index, photo in enumerate(after, 1):
        if photo.digest in before:
            raise errors.CopiedPhoto(field=field, ordinal=index)


def digests_before(report: Report, *roles: str) -> set[str]:
    """Digests of the photos that show how it was, or of those in `roles`."""
    rows = ReportPhoto.objects.filter(report=report, role__in=roles or ("before",))
    return set(rows.values_list("evidence__digest", flat=True))


def seems_copied(report: Report) -> bool:
    """Whether the latest photos of how it is now hold one that looks like a copy of the photo before."""
    rows = ReportPhoto.objects.filter(report=report, role="after").order_by("-at").values_list("at", "copied")
    photos = list(rows)
    return any(copied for at, copied in photos if at == photos[0][0])


__all__ = ["look_at_photo"]
