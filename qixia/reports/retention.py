"""How long the unredacted originals of ended reports are kept. The redacted copies stay with the report."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from qixia.audit.retention import Kind, register
from qixia.media.services import destroy_originals
from qixia.reports.models import ReportPhoto


def _kept() -> QuerySet[ReportPhoto]:
    """Pictures of ended reports whose original can still be opened; an ended report may be opened again until then."""
    return ReportPhoto.objects.filter(report__ended_at__isnull=False, evidence__wrapped_key__isnull=False)


def purge(before: datetime, limit: int) -> int:
    old = _kept().filter(report__ended_at__lt=before).order_by("report__ended_at")
    found = list(old.values_list("evidence__public_id", flat=True)[:limit])
    destroy_originals(found, actor="system:retention", reason="retention")
    return len(found)


def oldest() -> datetime | None:
    found: datetime | None = _kept().order_by("report__ended_at").values_list("report__ended_at", flat=True).first()
    return found


register(Kind("originals", "已办结上报的未遮挡原图", 180, purge, oldest))
