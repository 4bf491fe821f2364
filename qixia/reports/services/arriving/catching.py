"""What a release wants to know of reports that were open before it was installed. `qixia prepare` asks for it; the slow
worker does it, one batch a job, while everything else goes on.

Done     fingerprints of open reports that have none, so that a new report finds them; proposals that wait for nobody are
         closed. As the release before goes on writing until its last process has ended, `prepare` may be run again then.
Retries  every batch looks at what is missing and makes only that: again, or from the start, it changes nothing. A kill
         leaves the job of the batch; jobs are atomic.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q

from qixia.jobs.services import enqueue
from qixia.kernel import clock
from qixia.reports import states
from qixia.reports.models import MergeProposal, Report
from qixia.reports.services.duplicates.seeking import seen_of
from qixia.triage import services as triage
from qixia.triage.services.remembering import not_remembered

BATCH = 200
PRIORITY = -5
_SETTLED = [state for state in states.OPEN if state != "received"]


@transaction.atomic
def ask_to_catch_up(*, after: int = 0) -> None:
    """Line the work up behind the report `after`; nothing happens while that is lined up already."""
    enqueue("reports.catch_up", {"after": after}, key=f"reports.catch_up:{after}", priority=PRIORITY)


@transaction.atomic
def catch_up(*, after: int = 0) -> int:
    """One batch, and the job for the next one. Returns how many fingerprints were made."""
    if not after:
        _close_proposals()
    lead_is_open = Q(state="merged", merged_into__state__in=_SETTLED)
    rows = Report.objects.filter(Q(state__in=_SETTLED) | lead_is_open, pk__gt=after).select_related("merged_into")
    batch = list(rows.order_by("pk")[:BATCH])
    if not batch:
        return 0
    missing = set(not_remembered([report.ref for report in batch]))
    found = [report for report in batch if report.ref in missing]
    triage.remember_many([seen_of(report) for report in found])
    for report in found:
        lead = report.merged_into or report
        if lead.state in states.DONE:
            triage.set_closed(report.ref, lead.resolved_at or clock.now())
    ask_to_catch_up(after=batch[-1].pk)
    return len(found)


def _close_proposals() -> None:
    both = Q(report__state__in=states.MERGEABLE, lead__state__in=states.MERGEABLE)
    waiting = MergeProposal.objects.filter(state="open").exclude(both)
    waiting.update(state="moot", decided_at=clock.now(), decided_by="system:settle")


__all__ = ["ask_to_catch_up", "catch_up"]
