"""Reports that may be one matter, as a clerk decides on them: two side by side, with what speaks for and against.

Who      a clerk sees a pair only if both reports lie in his place; administrators see all.
Cost     a list is three statements however long it is, a pair four.
Units    metres, minutes; shares 0–1. A sign's weight is its part of the log-odds, negative if it speaks against.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from qixia.kernel.errors import NotFound
from qixia.kernel.ids import is_row_key
from qixia.people.access import Actor
from qixia.places.snippet import M_PER_PX
from qixia.policy.queries import current
from qixia.reports import access, rules, states
from qixia.reports.models import MergeProposal, Report, Support
from qixia.reports.queries.shared import Picture, pictures_of, thumbs_of, title_of
from qixia.reports.sealing import SEALED
from qixia.rewards.rules import SUPPORT, PointsPolicy
from qixia.triage.queries import sign_label

PAGE, MOST = 30, 100
LISTS = ("open", "merged", "apart")
MAP_W, MAP_H = 364, 168
_EDGE = 14  # pixels that a mark stays inside the map
_STRONG, _MIDDLE, _SILENT = 2.0, 0.8, 0.05
_BOTH = ("report__unit", "report__community", "lead__unit", "lead__community")


@dataclass(frozen=True, slots=True)
class DuplicateRow:
    """One line of the list."""

    public_id: str
    title: str
    words: str
    percent: int
    at: datetime
    severity: str
    thumb_url: str | None
    distance_m: int
    is_automatic: bool


@dataclass(frozen=True, slots=True)
class DuplicatePage:
    items: list[DuplicateRow]
    next_key: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of somebody's words; `kind` "" or "same"."""

    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two. `marked` are its words, those that the other has too with kind "same"."""

    public_id: str
    number: str
    title: str
    severity: str
    state_key: str
    state_label: str
    received_at: datetime
    marked: list[Stretch]
    place: str
    spot: str  # building, floor, spot as the rider wrote them
    unit_name: str
    photo: Picture | None
    lat: float
    lng: float


@dataclass(frozen=True, slots=True)
class SignView:
    label: str
    share: float
    strength: str
    is_against: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """Where the later one lies on the map around the lead, in pixels."""

    x: float
    y: float
    lead_x: float
    lead_y: float


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A pair. `state`: open, merged, apart. `may_merge`, `may_undo`: whether the buttons would do something."""

    public_id: str
    state: str
    percent: int
    lead: Side
    report: Side
    distance_m: int
    apart: str
    signs: list[SignView]
    mark: Mark
    same_unit: bool
    raises_to: str  # the severity that the lead would get, "" if it stays
    pays: int | None  # what merging pays the later reporter; None: was paid already, or is nobody
    is_automatic: bool
    may_merge: bool
    may_undo: bool


@dataclass(frozen=True, slots=True)
class RelatedCase:
    public_id: str
    number: str
    title: str
    state_key: str
    state_label: str
    received_at: datetime
    words: str
    thumb_url: str | None
    pair: str  # the page that takes the merge back; "" for who may not


@dataclass(frozen=True, slots=True)
class Related:
    """What belongs to a case. Only what the reader may see is listed; `merged_n` counts all."""

    into: RelatedCase | None
    merged: list[RelatedCase]
    merged_n: int
    recurs: RelatedCase | None
    recurred: list[RelatedCase]
    supporters: int
    pairs: list[str]  # open proposals, for clerks

    @property
    def is_any(self) -> bool:
        return bool(self.into or self.merged_n or self.recurs or self.recurred or self.supporters or self.pairs)


# ── pairs ─────────────────────────────────────────────────────────────────────
def proposals(actor: Actor, state: str = "open", before: str = "", limit: int = PAGE) -> DuplicatePage:
    """Latest first; `before` is the key that the page before ended with."""
    rows = _visible(actor, state if state in LISTS else "open")
    if is_row_key(before):
        rows = rows.filter(pk__lt=int(before))
    found = list(rows.select_related("report").order_by("-pk")[: limit + 1])
    page = found[:limit]
    thumbs = thumbs_of([row.report_id for row in page], actor.ref) if page else {}
    items = [_row(row, thumbs.get(row.report_id)) for row in page]
    return DuplicatePage(items, str(page[-1].pk) if len(found) > limit else "")


def proposals_count(actor: Actor) -> int:
    """How many pairs wait for a decision, counted up to MOST: it stands on every page of the console. One query, on the
    index of what is open; what nobody can merge any more is closed by then (services/moves.py)."""
    return _visible(actor, "open")[:MOST].count()


def _visible(actor: Actor, state: str = "") -> QuerySet[MergeProposal]:
    """Pairs of which the actor decides. An open one whose sides are done or merged elsewhere waits for nobody."""
    rows = MergeProposal.objects.all()
    if not (actor.has("admin") or "" in actor.paths(*access.CLERK_ROLES)):
        if not actor.has(*access.CLERK_ROLES):
            return rows.none()
        mine = Q(pk__in=[])
        for path in actor.paths(*access.CLERK_ROLES):
            mine |= Q(report__community__path__startswith=path, lead__community__path__startswith=path)
        rows = rows.filter(mine)
    if state == "open":  # they may not be closed yet that were open before an upgrade
        rows = rows.filter(report__state__in=states.MERGEABLE, lead__state__in=states.MERGEABLE)
    return rows.filter(state=state) if state else rows


def _row(row: MergeProposal, thumb: str | None) -> DuplicateRow:
    report = row.report
    return DuplicateRow(
        public_id=row.public_id,
        title=title_of(report),
        words=report.words,
        percent=round(100 * row.score),
        at=row.decided_at or row.at,
        severity=report.severity,
        thumb_url=thumb,
        distance_m=round(row.distance_m),
        is_automatic=row.decided_by.startswith("system:"),
    )


def proposal(actor: Actor, public_id: str) -> Duplicate:
    """One pair; NotFound for who does not decide on it."""
    row = _visible(actor).select_related(*_BOTH).filter(public_id=public_id[:26]).first()
    if row is None:
        raise NotFound
    return _pair(row, actor)


def proposal_for(actor: Actor, public_id: str) -> Duplicate | None:
    """The likeliest pair that waits for a decision on this report; None if there is none."""
    rows = _visible(actor, "open").select_related(*_BOTH)
    row = (
        rows.filter(Q(report__public_id=public_id[:26]) | Q(lead__public_id=public_id[:26]))
        .order_by("-score", "pk")
        .first()
    )
    return _pair(row, actor) if row else None


def _pair(row: MergeProposal, actor: Actor) -> Duplicate:
    lead, report = row.lead, row.report
    pictures = pictures_of([lead.pk, report.pk], actor.ref)
    raises = rules.rank(report.severity) > rules.rank(lead.severity)
    is_merged = row.state == "merged" and report.merged_into_id is not None
    return Duplicate(
        public_id=row.public_id,
        state=row.state,
        percent=round(100 * row.score),
        lead=_side(lead, report, _first(pictures[lead.pk])),
        report=_side(report, lead, _first(pictures[report.pk])),
        distance_m=round(row.distance_m),
        apart=_apart(row.minutes_apart),
        signs=[_sign(one) for one in row.signs if abs(one["weight"]) >= _SILENT],
        mark=_mark(lead, report),
        same_unit=lead.unit_id == report.unit_id,
        raises_to=report.severity if raises and not is_merged else "",
        pays=_pays() if report.secrecy == SEALED and report.points is None else None,
        is_automatic=row.decided_by.startswith("system:"),
        may_merge=not is_merged and {report.state, lead.state} <= set(states.MERGEABLE),
        may_undo=is_merged and lead.state in (*states.MERGEABLE, "invalid"),
    )


def _first(pictures: dict[str, list[Picture]]) -> Picture | None:
    return pictures["before"][0] if pictures["before"] else None


def _side(one: Report, other: Report, photo: Picture | None) -> Side:
    label, _mine, key = states.LABELS[one.state]
    return Side(
        public_id=one.public_id,
        number=one.number,
        title=title_of(one),
        severity=one.severity,
        state_key=key,
        state_label=_(label),
        received_at=one.received_at,
        marked=_marked(one.words, other.words),
        place=one.place,
        spot=" ".join(part for part in (one.building, one.floor, one.spot) if part),
        unit_name=one.unit.name if one.unit else "",
        photo=photo,
        lat=one.lat,
        lng=one.lng,
    )


def _marked(text: str, other: str) -> list[Stretch]:
    parts, at = [], 0
    for start, end in rules.same_words(text, other):
        parts += [Stretch(text[at:start], ""), Stretch(text[start:end], "same")]
        at = end
    parts.append(Stretch(text[at:], ""))
    return [part for part in parts if part.text]


def _apart(minutes: float) -> str:
    if minutes < 60:
        return _("相隔 %(n)d 分钟") % {"n": round(minutes)}
    if minutes < 48 * 60:
        return _("相隔 %(n)d 小时") % {"n": round(minutes / 60)}
    return _("相隔 %(n)d 天") % {"n": round(minutes / 1440)}


def _sign(kept: dict[str, Any]) -> SignView:
    """In the reader's language. Before 2026-11-22 most were kept as a Chinese label: such a one is shown as it is."""
    says = kept.get("says") or (kept["kind"] if kept["kind"] in ("distance", "time") else "")
    size = abs(kept["weight"])
    strength = _("强") if size >= _STRONG else _("中") if size >= _MIDDLE else _("弱")
    return SignView(
        label=sign_label(says, kept["value"], kept.get("about", ())) or kept.get("label", ""),
        share=max(0.04, min(1.0, size / (1.5 * _STRONG))),
        strength=_("不像") if kept["weight"] < 0 else strength,
        is_against=kept["weight"] < 0,
    )


def _mark(lead: Report, report: Report) -> Mark:
    east, north = rules.offset_m(lead, report)
    x, y = MAP_W / 2 + east / M_PER_PX, MAP_H / 2 - north / M_PER_PX
    inside = (min(max(x, _EDGE), MAP_W - _EDGE), min(max(y, _EDGE), MAP_H - _EDGE))
    return Mark(round(inside[0], 1), round(inside[1], 1), MAP_W / 2, MAP_H / 2)


def _pays() -> int:
    table: PointsPolicy = current("rewards.points").data
    return table.line(SUPPORT, {}).points


# ── what belongs to a case ────────────────────────────────────────────────────
def related(actor: Actor, report: Report) -> Related:
    """Five queries, whatever belongs to it."""
    ids = [pk for pk in (report.merged_into_id, report.recurs_id) if pk]
    rows = access.cases(actor).filter(Q(pk__in=ids) | Q(merged_into=report.pk) | Q(recurs=report.pk)).order_by("pk")
    found = list(rows)
    thumbs = thumbs_of([row.pk for row in found], actor.ref) if found else {}
    pairs = _pairs(actor, report)
    cases = {row.pk: _related(row, thumbs.get(row.pk), pairs) for row in found}
    merged = [cases[row.pk] for row in found if row.merged_into_id == report.pk]
    supports = Support.objects.filter(Q(report=report.pk) | Q(report__merged_into=report.pk)).count()
    return Related(
        into=cases.get(report.merged_into_id or 0),
        merged=merged,
        merged_n=Report.objects.filter(merged_into=report.pk).count(),
        recurs=cases.get(report.recurs_id or 0),
        recurred=[cases[row.pk] for row in found if row.recurs_id == report.pk],
        supporters=supports,
        pairs=pairs.get(0, []),
    )


def _pairs(actor: Actor, report: Report) -> dict[int, list[str]]:
    """Other report → pair pages of merges; 0 → open proposals."""
    rows = _visible(actor).filter(Q(report=report.pk) | Q(lead=report.pk)).exclude(state="apart")
    found: dict[int, list[str]] = {}
    columns = ("public_id", "state", "report_id", "lead_id", "report__state", "lead__state")
    for public_id, state, one, two, *ends in rows.order_by("-score", "pk").values_list(*columns):
        other = two if one == report.pk else one
        if state == "merged":
            found.setdefault(other, []).append(public_id)
        elif set(ends) <= set(states.MERGEABLE):
            found.setdefault(0, []).append(public_id)
    return found


def _related(row: Report, thumb: str | None, pairs: dict[int, list[str]]) -> RelatedCase:
    label, _mine, key = states.LABELS[row.state]
    return RelatedCase(
        public_id=row.public_id,
        number=row.number,
        title=title_of(row),
        state_key=key,
        state_label=_(label),
        received_at=row.received_at,
        words=row.words,
        thumb_url=thumb,
        pair=next(iter(pairs.get(row.pk, [])), ""),
    )
