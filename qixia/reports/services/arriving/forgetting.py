"""What goes when a rider is erased, besides what other packages forget. The report itself is the city's record and stays."""

from __future__ import annotations

from django.db import transaction

from qixia.reports.models import Report
from qixia.reports.sealing import index_of
from qixia.triage.services import forget_words


@transaction.atomic
def forget_learnt_words(*, public_id: str) -> int:
    """Nothing that the rider with this public id wrote is learnt from any more. Returns how many texts went."""
    written = Report.objects.filter(reporter_index=index_of(public_id))
    refs = [f"report:{one}" for one in written.values_list("public_id", flat=True).iterator()]
    return forget_words(refs=refs, actor="system:erasure") if refs else 0
