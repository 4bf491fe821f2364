"""Batches that a clerk brought in, as the clerk sees them. Only whoever brought one in, and administrators, see it.

Cost     a page of rows is a fixed number of statements, whatever it holds; names of riders are looked up for one row only.
Secrecy  names and words are opened here, for the owner's eyes; after a report was made for a recognised rider the row knows
         nobody any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from qixia.codes.queries import class_name
from qixia.kernel.errors import NotFound
from qixia.kernel.ids import is_row_key
from qixia.kernel.keys import keys
from qixia.media.access import picture_url
from qixia.media.queries import states_of
from qixia.people.access import Actor
from qixia.people.queries import NamedRider, riders_named
from qixia.reports import access, states
from qixia.reports.importing.columns import FIELDS
from qixia.reports.importing.parts import Head, Said
from qixia.reports.models import ImportBatch, ImportRow, Report
from qixia.reports.queries.shared import title_of

PAGE = 50
FILTERS = ("all", "new", "same", "skip", "wrong")


@dataclass(frozen=True, slots=True)
class BatchLine:
    public_id: str
    name: str
    kind: str
    state: str
    at: datetime
    count: int
    made: int


@dataclass(frozen=True, slots=True)
class CandidateView:
    """An existing report that may be the same; only those that the clerk may see."""

    public_id: str
    number: str
    title: str
    words: str
    state_key: str
    state_label: str
    percent: int
    metres: int


@dataclass(frozen=True, slots=True)
class Fault:
    field: str
    label: str
    text: str
    blocks: bool


@dataclass(frozen=True, slots=True)
class RowView:
    public_id: str
    ordinal: int
    line: int
    said: Said
    at: datetime | None
    title: str
    cls: str
    severity: str
    lat: float | None
    lng: float | None
    place: str
    place_by: str
    pictures: list[str]
    faults: list[Fault]
    candidates: list[CandidateView]
    choice: str
    same_as: str
    state: str
    report: str  # public id of what became of it
    report_number: str
    is_matched: bool
    riders: list[NamedRider] = field(default_factory=list)

    @property
    def blocks(self) -> bool:
        return self.choice == "new" and (self.lat is None or any(fault.blocks for fault in self.faults))

    @property
    def is_settled(self) -> bool:
        return self.state in ("made", "same", "skipped")


@dataclass(frozen=True, slots=True)
class BatchView:
    public_id: str
    name: str
    kind: str
    state: str
    fault: str
    at: datetime
    count: int
    tally: dict[str, int]
    headings: list[str]
    mapping: dict[str, int]
    columns: list[tuple[str, str, int | None]]  # field, label, column
    is_kept: bool  # False once the retention days are over

    @property
    def can_confirm(self) -> bool:
        return self.state in ("ready", "done") and self.tally["makeable"] > 0


@dataclass(frozen=True, slots=True)
class RowPage:
    rows: list[RowView]
    next_key: str


def batches(actor: Actor, limit: int = 20) -> list[BatchLine]:
    """The actor's own, latest first."""
    made = Count("rows", filter=Q(rows__state="made"))
    rows = _mine(actor).exclude(state="dropped").annotate(made=made).order_by("-id")[:limit]
    return [BatchLine(row.public_id, _head(row).name, row.kind, row.state, row.at, row.count, row.made) for row in rows]


def batch_of(actor: Actor, public_id: str) -> ImportBatch:
    """NotFound for another clerk's."""
    found = _mine(actor).filter(public_id=public_id[:26]).first()
    if found is None:
        raise NotFound
    return found


def row_of(actor: Actor, batch: str, public_id: str) -> ImportRow:
    found = ImportRow.objects.filter(batch=batch_of(actor, batch), public_id=public_id[:26]).first()
    if found is None:
        raise NotFound
    return found


def said_of(row: ImportRow) -> Said:
    """What the row says, opened."""
    if row.said is None:
        return Said()
    return Said.unpack(keys().open(bytes(row.said), purpose=f"import-said:{row.public_id}"))


def batch_view(actor: Actor, public_id: str) -> BatchView:
    """One batch with its tally."""
    batch = batch_of(actor, public_id)
    head = _head(batch)
    tally = batch.rows.aggregate(
        all=Count("pk"),
        new=Count("pk", filter=Q(choice="new", state__in=("open", "failed"))),
        same=Count("pk", filter=Q(choice="same", state__in=("open", "failed"))),
        skip=Count("pk", filter=Q(choice="skip", state__in=("open", "failed"))),
        wrong=Count("pk", filter=Q(choice="new", lat=None, state__in=("open", "failed")) | Q(state="failed")),
        waiting=Count("pk", filter=Q(state="open")),
        made=Count("pk", filter=Q(state="made")),
        joined=Count("pk", filter=Q(state="same")),
        skipped=Count("pk", filter=Q(state="skipped")),
        failed=Count("pk", filter=Q(state="failed")),
    )
    tally["makeable"] = tally["new"] + tally["same"] + tally["skip"]
    columns = [(name, _(label), batch.mapping.get(name)) for name, (label, _words) in FIELDS.items()]
    return BatchView(
        public_id=batch.public_id,
        name=head.name,
        kind=batch.kind,
        state=batch.state,
        fault=batch.fault,
        at=batch.at,
        count=batch.count,
        tally=tally,
        headings=head.headings,
        mapping=batch.mapping,
        columns=columns,
        is_kept=batch.head is not None,
    )


def rows_page(actor: Actor, public_id: str, only: str = "all", after: str = "", limit: int = PAGE) -> RowPage:
    """Rows in the order of the file, from behind the key `after`."""
    rows = ImportRow.objects.filter(batch=batch_of(actor, public_id))
    if only == "wrong":
        rows = rows.filter(Q(choice="new", lat=None, state__in=("open", "failed")) | Q(state="failed"))
    elif only in FILTERS[1:]:
        rows = rows.filter(choice=only)
    if is_row_key(after):
        rows = rows.filter(ordinal__gt=int(after))
    found = list(rows.select_related("report").order_by("ordinal")[: limit + 1])
    page = found[:limit]
    return RowPage(_views(actor, page), str(page[-1].ordinal) if len(found) > limit else "")


def row_view(actor: Actor, batch: str, public_id: str) -> RowView:
    """One row, with the riders who are called like its sender."""
    row = row_of(actor, batch, public_id)
    return _views(actor, [row])[0]


def faults_of(actor: Actor, public_id: str) -> Iterator[tuple[int, str, str, str, str]]:
    """Line, sender, words, field, what is wrong: of every row that did not become a report and should have."""
    rows = ImportRow.objects.filter(batch=batch_of(actor, public_id), choice="new").exclude(state="made")
    for row in rows.order_by("ordinal").iterator():
        said = said_of(row)
        for fault in _faults(row):
            yield row.line, said.sender, said.words, fault.label, fault.text


def _mine(actor: Actor) -> QuerySet[ImportBatch]:
    if not actor.has(*access.CLERK_ROLES, "admin"):
        return ImportBatch.objects.none()
    return ImportBatch.objects.all() if actor.has("admin") else ImportBatch.objects.filter(by_id=actor.person_id)


def _head(batch: ImportBatch) -> Head:
    if batch.head is None:
        return Head()
    return Head.unpack(keys().open(bytes(batch.head), purpose=f"import-head:{batch.public_id}"))


def _views(actor: Actor, rows: list[ImportRow]) -> list[RowView]:
    known = states_of({name for row in rows for name in row.pictures})
    reports = _candidates(actor, {one["report"] for row in rows for one in row.candidates})
    said = {row.pk: said_of(row) for row in rows}
    riders = riders_named(one.sender for one in said.values())
    return [_view(actor, row, said[row.pk], known, reports, riders) for row in rows]


def _view(
    actor: Actor,
    row: ImportRow,
    said: Said,
    known: dict[str, str],
    reports: dict[str, Report],
    riders: dict[str, list[NamedRider]],
) -> RowView:
    settled = row.state in ("made", "same", "skipped")
    candidates = [_candidate(reports[one["report"]], one) for one in row.candidates if one["report"] in reports]
    return RowView(
        public_id=row.public_id,
        ordinal=row.ordinal,
        line=row.line,
        said=said,
        at=row.said_at,
        title=class_name(row.cls) if row.cls else "",
        cls=row.cls,
        severity=row.severity,
        lat=row.lat,
        lng=row.lng,
        place=row.place,
        place_by=row.place_by,
        pictures=[picture_url(name, "thumb", actor.ref, state=known[name]) for name in row.pictures if name in known],
        faults=_faults(row),
        candidates=candidates,
        choice=row.choice,
        same_as=row.report.public_id if row.report and not settled else "",
        state=row.state,
        report=row.report.public_id if row.report and settled else "",
        report_number=row.report.number if row.report and settled else "",
        is_matched=row.match is not None,
        riders=[] if settled else riders.get(said.sender, []),
    )


def _faults(row: ImportRow) -> list[Fault]:
    labels = {name: label for name, (label, _words) in FIELDS.items()} | {"same_as": "同一件"}
    found = [Fault(one["field"], _(labels[one["field"]]), _(one["text"]), one["blocks"]) for one in row.errors]
    return found if row.choice == "new" or row.state == "failed" else [one for one in found if not one.blocks]


def _candidates(actor: Actor, public_ids: set[str]) -> dict[str, Report]:
    if not public_ids:
        return {}
    return {row.public_id: row for row in access.cases(actor).filter(public_id__in=public_ids)}


def _candidate(report: Report, one: dict[str, Any]) -> CandidateView:
    label, _mine_label, key = states.LABELS[report.state]
    return CandidateView(
        report.public_id,
        report.number,
        title_of(report),
        report.words[:60],
        key,
        _(label),
        one["percent"],
        one["metres"],
    )
