"""How long the unredacted originals of ended reports are kept, whose redacted copies stay with the report; what staff
wrote to each other about a case and the papers beside it; and what was once proposed to be one matter."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, F, Model, Q, QuerySet, When
from django.db.models.functions import Coalesce

from qixia.audit.retention import Kind, register, rows
from qixia.media import files
from qixia.media.services import destroy_originals
from qixia.reports.models import CaseDocument, CaseNote, ImportBatch, MergeProposal, ReportPhoto
from qixia.reports.services.desk.noting import document_path
from qixia.reports.services.imports.importing import empty_batch


def _kept() -> QuerySet[Any]:
    """Pictures of ended reports whose original can still be opened; an ended report may be opened again until then."""
    ended = Coalesce("report__merged_into__ended_at", "report__ended_at")  # what is merged ends with its lead
    return ReportPhoto.objects.annotate(ended=ended).filter(ended__isnull=False, evidence__wrapped_key__isnull=False)


def purge(before: datetime, limit: int) -> int:
    old = _kept().filter(ended__lt=before).order_by("ended")
    found = list(old.values_list("evidence__public_id", flat=True)[:limit])
    destroy_originals(found, actor="system:retention", reason="retention")
    return len(found)


def oldest() -> datetime | None:
    found: datetime | None = _kept().order_by("ended").values_list("ended", flat=True).first()
    return found


def _imports() -> QuerySet[ImportBatch]:
    """Batches that still hold what people wrote, who they are, or the file."""
    return ImportBatch.objects.filter(head__isnull=False)


def purge_imports(before: datetime, limit: int) -> int:
    # What is being made just now is left for a day; after that nobody makes it any more.
    ended = ~Q(state="making") | Q(at__lt=before - timedelta(days=1))
    old = list(_imports().filter(ended, at__lt=before).order_by("at")[:limit])
    for batch in old:
        empty_batch(batch, "system:retention", "retention")
        ImportBatch.objects.filter(pk=batch.pk).exclude(state="done").update(state="dropped")
    return len(old)


def oldest_import() -> datetime | None:
    found: datetime | None = _imports().order_by("at").values_list("at", flat=True).first()
    return found


def _of_ended(model: type[Model]) -> QuerySet[Any]:
    """What belongs to reports that are over. Nothing goes while somebody may still need it: a report that was opened
    again, one whose lead (what is merged ends with it) is at work, and one with an appeal that nobody has decided."""
    ended = Case(
        When(report__merged_into__isnull=False, then=F("report__merged_into__ended_at")), default=F("report__ended_at")
    )
    held = Q(report__appeal__state="open") | Q(report__merged_into__appeal__state="open")
    return model._default_manager.annotate(ended=ended).filter(ended__isnull=False).exclude(held)


def purge_notes(before: datetime, limit: int) -> int:
    old = _of_ended(CaseNote).filter(ended__lt=before).order_by("ended", "pk")
    found = list(old.values_list("pk", flat=True)[:limit])
    CaseNote.objects.filter(pk__in=found).delete()
    return len(found)


def purge_documents(before: datetime, limit: int) -> int:
    """Rows with their keys and sealed names first: if the process dies before the files go, they are noise that the
    sweep of documents finds."""
    old = _of_ended(CaseDocument).filter(ended__lt=before).order_by("ended", "pk")
    found = dict(old.values_list("pk", "storage_name")[:limit])
    CaseDocument.objects.filter(pk__in=found).delete()
    transaction.on_commit(lambda: files.remove([document_path(name) for name in found.values()]))
    return len(found)


def oldest_note() -> datetime | None:
    found: datetime | None = _of_ended(CaseNote).order_by("ended").values_list("ended", flat=True).first()
    return found


def oldest_document() -> datetime | None:
    found: datetime | None = _of_ended(CaseDocument).order_by("ended").values_list("ended", flat=True).first()
    return found


register(Kind("case-notes", "已办结案件里工作人员的备注", 730, purge_notes, oldest_note, least=30))
register(Kind("case-documents", "已办结案件里的附件", 730, purge_documents, oldest_document, least=30))
register(Kind("imports", "导入的群聊和表格：原文、称呼、电话", 30, purge_imports, oldest_import))
register(Kind("originals", "已办结上报的未遮挡原图", 180, purge, oldest))
# Who merged what stays in history and MergeRecord. An open one has no `decided_at`, so it never ends here.
register(Kind("merge-proposals", "定过的合并建议", 730, *rows(MergeProposal, "decided_at", decided_at__isnull=False)))
