"""What triage may learn from reports that were settled: their words under opaque refs, counts a week, and how a desk
names the few that somebody may see. Registered with `qixia.triage.settled` when Django starts.

Nothing here reads who reported. A report that was found not true says nothing about its class, so nobody stands for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from django.db.models import Avg, Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import TruncWeek
from django.urls import reverse

from qixia.codes.queries import class_name
from qixia.kernel import clock
from qixia.people.access import Actor
from qixia.reports import access
from qixia.reports.models import Report, ReportStep
from qixia.triage.settled import SettledReport, Shown, Week

_WORDS_SHOWN = 80


class SettledReports:
    """The source that triage asks."""

    def count(self, since: datetime, until: datetime) -> int:
        return _settled(since, until).count()

    def batch(self, since: datetime, until: datetime, *, after: str, limit: int) -> Sequence[SettledReport]:
        """By when they came, the oldest first; the cursor names the last one, so a walk survives a kill."""
        found = _settled(since, until)
        if after:
            at, _, last = after.partition("~")
            moment = datetime.fromisoformat(at)
            found = found.filter(Q(received_at__gt=moment) | Q(received_at=moment, pk__gt=int(last)))
        columns = ("public_id", "words", "hint", "cls", "severity", "sorted_by_person", "validity", "verified_at")
        rows = found.order_by("received_at", "pk").only("received_at", *columns)[:limit]
        return [
            SettledReport(
                ref=row.ref,
                text=row.words,
                hint=row.hint,
                cls=row.cls,
                severity=row.severity,
                decided=_decided(row),
                cursor=f"{row.received_at.isoformat()}~{row.pk}",
            )
            for row in rows
        ]

    def weeks(self, mondays: Sequence[date]) -> Sequence[Week]:
        """Two statements: by week, and by week and class."""
        if not mondays:
            return []
        since, until = clock.city_day(mondays[0])[0], clock.city_day(mondays[-1] + timedelta(days=6))[1]
        week = TruncWeek("received_at", tzinfo=clock.CITY_TZ)
        found = _settled(since, until).annotate(week=week).order_by()
        doubted = ReportStep.objects.filter(report=OuterRef("pk"), step="doubt")
        sums = {
            row["week"].date(): row
            for row in found.values("week").annotate(
                n=Count("pk"), sure=Avg("confidence"), doubted=Count("pk", filter=Exists(doubted))
            )
        }
        classes: dict[date, dict[str, int]] = {}
        for one in found.values("week", "cls").annotate(n=Count("pk")):
            classes.setdefault(one["week"].date(), {})[one["cls"]] = one["n"]
        return [
            Week(monday, row["n"], row["doubted"], row["sure"], classes[monday])
            if (row := sums.get(monday))
            else Week(monday)
            for monday in mondays
        ]

    def shown(self, actor: Actor, refs: Sequence[str]) -> Mapping[str, Shown]:
        ids = [ref.removeprefix("report:") for ref in refs]
        rows = access.cases(actor).filter(public_id__in=ids).only("public_id", "number", "place", "words", "cls")
        return {
            row.ref: Shown(
                class_name(row.cls),
                row.number,
                row.place,
                row.words[:_WORDS_SHOWN],
                reverse("reports:case", args=[row.public_id]),
            )
            for row in rows
        }


def _settled(since: datetime, until: datetime) -> QuerySet[Report]:
    return Report.objects.filter(part_of=None, received_at__gte=since, received_at__lt=until).exclude(state="received")


def _decided(report: Report) -> str:
    if report.validity == "invalid":
        return ""
    if report.sorted_by_person:
        return "person"
    return "verified" if report.verified_at is not None and report.validity == "valid" else ""
