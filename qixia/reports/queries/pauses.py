"""How long a clock may stand still: until when the pause that is going on lasts at the most.

Truth    the day that was named, if it comes before what the policy's `pause_max` leaves of one round of the clock: what
         stood still earlier in the round counts. A round of
         resolving begins with the receipt, and anew when the case goes to another unit as not ours, when a supervisor
         decides whose it is, when it is sent back, opened again, or an appeal is granted; a round of verifying when a unit says done.
Cost     no query for reports that do not stand still, two for any number that do.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Max

from qixia.kernel.worktime import span
from qixia.policy.queries import current, working_calendar
from qixia.reports import clocks
from qixia.reports.models import ClockPause, Report, ReportStep

# A clerk's "redirect" is none of them: whoever pauses must not be able to begin anew.
NEW_ROUND = ("return", "decide", "send_back", "dispute", "witness_unfixed", "grant_appeal")


def pause_end(report: Report) -> datetime | None:
    """When the pause that is going on ends by itself."""
    return pause_ends([report]).get(report.pk)


def pause_ends(reports: Iterable[Report]) -> dict[int, datetime]:
    """The same for many, by the key of the report; those that do not stand still are left out."""
    paused = {report.pk: (report, report.paused_at) for report in reports if report.paused_at is not None}
    if not paused:
        return {}
    calendar, most = working_calendar().work, span(current("reports.limits").data.pause_max)
    begun = dict(
        ReportStep.objects.filter(report__in=list(paused), step__in=NEW_ROUND)
        .order_by()
        .values_list("report_id")
        .annotate(Max("at"))
    )
    stood = dict.fromkeys(paused, timedelta())
    ended = ClockPause.objects.filter(report__in=list(paused), ended_at__isnull=False)
    for pk, name, start, end in ended.values_list("report_id", "clock", "started_at", "ended_at"):
        report, _at = paused[pk]
        runs = "verify" if report.state in clocks.VERIFYING else "resolve"
        since = report.resolved_at if runs == "verify" else begun.get(pk)
        if name == runs and end and (since is None or end > since):
            stood[pk] += calendar.between_like(max(start, since or start), end, most.unit)
    ends = {}
    for pk, (report, at) in paused.items():
        longest = calendar.add(at, most)
        left = calendar.between_like(at, longest, most.unit) - stood[pk]
        end = calendar.add_like(at, left, most.unit) if stood[pk] else longest
        ends[pk] = min(end, report.pause_until or end)
    return ends
