"""A run over many cases, for the one who started it."""

from __future__ import annotations

from dataclasses import dataclass

from qixia.kernel.errors import NotFound
from qixia.people.access import Actor
from qixia.reports import access, acts
from qixia.reports.models import BulkRun, Report
from qixia.reports.queries.shared import title_of


@dataclass(frozen=True, slots=True)
class BulkLine:
    """What became of one case. `title` is empty for what the reader may not see any more."""

    public_id: str
    number: str
    title: str
    place: str
    state: str  # waiting, done, refused
    why: str


@dataclass(frozen=True, slots=True)
class BulkResult:
    act: acts.BulkAct
    lines: list[BulkLine]

    @property
    def done(self) -> int:
        return sum(line.state == "done" for line in self.lines)

    @property
    def refused(self) -> int:
        return sum(line.state == "refused" for line in self.lines)

    @property
    def waiting(self) -> int:
        return sum(line.state == "waiting" for line in self.lines)


def offered_acts(actor: Actor) -> list[acts.BulkAct]:
    return acts.acts_for(actor.roles)


def bulk_result(actor: Actor, public_id: str) -> BulkResult:
    """A run of one's own; NotFound for every other. Three queries."""
    known = len(public_id) <= 26 and public_id.isalnum()
    run = BulkRun.objects.filter(person_id=actor.person_id or 0, public_id=public_id).first() if known else None
    if run is None:
        raise NotFound
    rows = list(run.rows.select_related("report").order_by("position"))
    seen = set(access.cases(actor).filter(pk__in=[row.report_id for row in rows]).values_list("pk", flat=True))
    return BulkResult(
        acts.ACTS[run.act], [_line(row.report, row.state, row.why, row.report_id in seen) for row in rows]
    )


def _line(report: Report, state: str, why: str, is_seen: bool) -> BulkLine:
    title, place = (title_of(report), report.place) if is_seen else ("", "")
    return BulkLine(report.public_id, report.number, title, place, state, why)
