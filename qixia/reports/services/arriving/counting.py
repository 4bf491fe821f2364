"""Counts every hour what stands over the triage queue, where there is too much to count each time it is opened (see
triage.services.counting). In the slow worker; counting again writes the same anew."""

from __future__ import annotations

from qixia.kernel import clock
from qixia.reports.models import Report
from qixia.reports.queries.triage import LATELY, LATELY_NAME, came_lately_by_place
from qixia.triage.services import counting, keep_figures


def count_lately() -> None:
    """The reports of the last seven days, by community."""
    now = clock.now()
    is_much = Report.objects.filter(received_at__gte=now - LATELY).count() > counting.LIVE
    keep_figures(name=LATELY_NAME, data=came_lately_by_place(now) if is_much else None)


__all__ = ["count_lately"]
