"""Reports as staff sees them. Nothing here names the reporter or lets anybody find out who it was."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from qixia.audit.rules import BASES
from qixia.kernel import clock
from qixia.people.access import Actor
from qixia.people.queries import Member, Org, display_name_of, has_consent, organisations, person_id_for, staff_of
from qixia.reports import access, rules, states
from qixia.reports.models import Report, Watch
from qixia.reports.queries.clocks import ACTS as CLOCK_ACTS
from qixia.reports.queries.clocks import ClockPanel, clock_panel
from qixia.reports.queries.duplicates import Related, related
from qixia.reports.queries.evidence import PhotoNote, photo_notes
from qixia.reports.queries.listing import Row, row_of
from qixia.reports.queries.measures import ACTS as MEASURE_ACTS
from qixia.reports.queries.measures import MeasuresView, case_measures
from qixia.reports.queries.opinions import SecondView, second_view
from qixia.reports.queries.papers import Papers, papers_of
from qixia.reports.queries.shared import (
    ClockCell,
    Picture,
    TimelineItem,
    clock_cells,
    timeline_item,
)
from qixia.reports.queries.ways import ACTS, WaysView, pictures_with_parts, ways
from qixia.reports.queries.wording import Wording, wordings
from qixia.reports.sealing import ANONYMOUS, SEALED, open_link

_CHECKING = frozenset({"verify", "verify_handled"})


@dataclass(frozen=True, slots=True)
class EvidenceWord:
    """A stretch of the rider's words; `kind` "" is plain text, else class, danger or place."""

    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class CaseView:
    """One case with all that staff may know."""

    row: Row
    words: str
    marked: list[EvidenceWord]
    finding: str
    cls: str
    standard_code: str
    route_reason: str
    community: str
    grid_code: str
    site: str
    building: str
    accuracy_m: float | None
    validity: str
    self_handled: bool
    reporter: str  # what the reporter is called, only if he or she chose to show it; else empty
    before: list[Picture]
    onsite: list[Picture]
    after: list[Picture]
    later: list[Picture]  # what a second rider saw
    clocks: list[ClockCell]
    events: list[TimelineItem]
    steps: list[str]
    is_anonymous: bool  # told to clerks only
    original_bases: list[tuple[str, str]]  # grounds on which the reader may open a picture as it came; [] for none
    related: Related
    papers: Papers
    is_watched: bool
    wordings: dict[str, list[Wording]]  # step → standard texts for its form
    ways: WaysView
    panel: ClockPanel
    measures: MeasuresView
    is_own_work: bool = False  # the reader called it done, so another must look
    opinion: SecondView | None = None  # of another model; for clerks
    notes: list[PhotoNote] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    units: list[Org] = field(default_factory=list)

    @property
    def notes_warn(self) -> bool:
        return any(said and said.tone == "warn" for note in self.notes for said in (note.source, note.place))

    @property
    def pictures(self) -> list[Picture]:
        return [*self.before, *self.onsite, *self.after, *self.later]


def case(actor: Actor, public_id: str) -> CaseView:
    """One case. NotFound for what the actor must not see."""
    report = access.case(actor, public_id)
    history = list(report.steps.order_by("-id"))
    pictures = pictures_with_parts(report, actor.ref, history)
    found = access.parties(actor, report)
    parties, kept = found - {"rider"}, states.JUDGING if "rider" in found else frozenset()
    steps = [name for name in states.steps_from(report.state, *parties) if name not in kept and _fits(name, report)]
    is_own_work = not _CHECKING.isdisjoint(steps) and access.did_it(actor, report)
    steps = [name for name in steps if not is_own_work or name not in _CHECKING]
    thumb = pictures["before"][0].thumb_url if pictures["before"] else None
    return CaseView(
        row=row_of(report, clock.now(), thumb),
        words=report.words,
        marked=marked(report),
        finding=report.finding,
        cls=report.cls,
        standard_code=report.standard_code,
        route_reason=report.route_reason,
        community=report.community.name if report.community else "",
        grid_code=report.grid_code,
        site=report.site.name if report.site else "",
        building=" ".join(part for part in (report.building, report.floor, report.spot) if part),
        accuracy_m=report.accuracy_m,
        validity=report.validity,
        self_handled=report.self_handled,
        reporter=_shown_name(report, parties),
        before=pictures["before"],
        onsite=pictures["onsite"],
        after=pictures["after"],
        later=pictures["later"],
        clocks=clock_cells(report, clock.now()),
        events=[timeline_item(step, for_reporter=False) for step in history],
        steps=[step for step in steps if step not in (*ACTS, *CLOCK_ACTS, *MEASURE_ACTS)],
        measures=case_measures(actor, report, history, steps, parties),
        panel=clock_panel(report, steps),
        ways=ways(actor, report, history, steps),
        is_own_work=is_own_work,
        is_anonymous="clerk" in parties and report.secrecy == ANONYMOUS,
        original_bases=[(key, _(BASES[key])) for key in rules.ORIGINAL_BASES] if "clerk" in parties else [],
        opinion=second_view(report) if "clerk" in parties else None,
        related=related(actor, report),
        papers=papers_of(actor, report),
        is_watched=Watch.objects.filter(report=report, person_id=actor.person_id or 0).exists(),
        wordings=wordings(report),
        notes=photo_notes(actor, report, parties),
        members=staff_of(report.unit_id, *access.UNIT_ROLES) if report.unit_id and "assign" in steps else [],
        units=organisations("unit", "property", "community") if "redirect" in steps else [],
    )


def _shown_name(report: Report, parties: Collection[str]) -> str:
    """The nickname, to clerks only, by two decisions of the reporter: on this report, and by consent. Else nothing."""
    if report.name_hidden or report.secrecy != SEALED or "clerk" not in parties:
        return ""
    person_id = person_id_for(open_link(report.reporter_link, report=report.public_id))
    return display_name_of(person_id) if person_id and has_consent(person_id, "name") else ""


def _fits(step: str, report: Report) -> bool:
    """Of the steps for reports that the rider handled and for others, only one pair is offered."""
    if report.part_of_id is not None and step in states.NOT_FOR_PARTS:
        return False
    handled = {"sort_handled": True, "sort": False, "verify_handled": True, "verify": False}
    return handled.get(step, report.handled_by_rider) == report.handled_by_rider


def marked(report: Report) -> list[EvidenceWord]:
    """The words cut into plain and deciding stretches."""
    parts, at = [], 0
    for word in sorted(report.evidence_words, key=lambda one: int(one["start"])):
        if word["start"] < at:
            continue
        parts.append(EvidenceWord(report.words[at : word["start"]], ""))
        parts.append(EvidenceWord(report.words[word["start"] : word["end"]], word["kind"]))
        at = word["end"]
    parts.append(EvidenceWord(report.words[at:], ""))
    return [part for part in parts if part.text]
