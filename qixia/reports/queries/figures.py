"""How a month's reports were handled, by unit: counts, three rates, how long it took. For staff, and rounded for everybody.

Cohort   reports received in one month of the city, as they stand now. What was merged counts with its lead, a part with its
         whole. Not true and not taken on stand apart, with their reasons, and are in no rate.
Cost     five statements, whatever the size, and one for the measures that staff read; all read one month by the index on
         the time of receipt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from threading import Lock
from typing import Any

from django.db.models import Case, Count, DurationField, ExpressionWrapper, F, Q, QuerySet, When, Window
from django.db.models.functions import RowNumber
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from qixia.kernel import clock
from qixia.kernel.errors import NotFound
from qixia.people.access import Actor
from qixia.people.queries import organisations_by_id
from qixia.policy.queries import current
from qixia.reports import access
from qixia.reports.figures import BINS, Share, month_after, month_before, published, rounded
from qixia.reports.models import Decision, Rating, Report
from qixia.reports.policy import Decisions
from qixia.reports.queries.measures import MeasureCount, measures_of
from qixia.reports.queries.shared import show_span

_ENDED = ("fixed", "closed")
_APART = ("invalid", "aside")
ALL = 0  # the key of what is counted over all units


@dataclass(frozen=True, slots=True)
class Spans:
    """How long until half, and nine of ten, had ended; "" where so many have not ended yet."""

    median: str = ""
    ninth: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One unit's month, or all of them. Counts are facts of their own: closed is not fixed."""

    unit: str
    received: int
    counted: int  # without what is not true or not taken on
    valid: int
    invalid: int
    aside: int
    fixed: int
    closed: int
    open: int
    reopened: int
    answered: Share  # first answer in time, by the clock
    solved: Share  # seen fixed by somebody who does not work for the unit
    said_answered: Share  # the same three, as reporters say
    said_solved: Share
    content: Share
    histogram: tuple[int, ...]  # ended within BINS days, later, still open
    spans: Spans = field(default_factory=Spans)

    @property
    def bars(self) -> list[tuple[str, int, int]]:
        """(label, count, share of the highest bar in percent)"""
        top = max(self.histogram, default=0) or 1
        return [(label, n, round(100 * n / top)) for label, n in zip(bin_labels(), self.histogram, strict=True)]


@dataclass(frozen=True, slots=True)
class Reason:
    verdict: str
    title: str
    count: int


@dataclass(frozen=True, slots=True)
class Figures:
    month: date
    before: date
    after: date | None  # the next month, if it has begun
    whole: Line
    lines: list[Line]
    reasons: list[Reason]
    measures: list[MeasureCount] = field(default_factory=list)  # for staff


def bin_labels() -> list[str]:
    within = [_("%(n)d 天内") % {"n": days} for days in BINS]
    return [*within, _("超过 %(n)d 天") % {"n": BINS[-1]}, _("还没办完")]


def month_figures(actor: Actor, month: date) -> Figures:
    """What the actor may see of a month."""
    cases = access.cases(actor)
    return replace(_figures(cases, month), measures=measures_of(_cohort(cases, month)))


def _cohort(cases: QuerySet[Report], month: date) -> QuerySet[Report]:
    start, end = clock.city_day(month)[0], clock.city_day(month_after(month))[0]
    cohort = cases.filter(received_at__gte=start, received_at__lt=end, unit__isnull=False, part_of__isnull=True)
    return cohort.exclude(state="merged").order_by()


def _figures(cases: QuerySet[Report], month: date) -> Figures:
    cohort = _cohort(cases, month)
    counts: dict[int, dict[str, Any]] = {row["unit_id"]: row for row in _counted(cohort)}
    ratings = {row["report__unit_id"]: row for row in _ratings(cohort)}
    spans = _spans(cohort)
    names = organisations_by_id(counts)
    lines = [
        _line(names[unit].name, row, ratings.get(unit, {}), spans.get(unit, Spans())) for unit, row in counts.items()
    ]
    lines.sort(key=lambda line: (-line.counted, line.unit))
    whole = _line(_("全部单位"), _summed(counts.values()), _summed(ratings.values()), spans.get(ALL, Spans()))
    after = month_after(month)
    is_past = after <= clock.city_date(clock.now())
    return Figures(month, month_before(month), after if is_past else None, whole, lines, _reasons(cohort))


def _counts() -> dict[str, Count]:
    counted = ~Q(state__in=_APART)
    ended = Q(state__in=_ENDED)
    found = {
        "received": Count("pk"),
        "counted": Count("pk", filter=counted),
        "valid": Count("pk", filter=Q(validity="valid")),
        "invalid": Count("pk", filter=Q(state="invalid")),
        "aside": Count("pk", filter=Q(state="aside")),
        "fixed": Count("pk", filter=Q(state="fixed")),
        "closed": Count("pk", filter=Q(state="closed")),
        "reopened": Count("pk", filter=counted & Q(reopened__gt=0)),
        "answered": Count("pk", filter=counted & Q(answered_at__lte=F("answer_due"))),
    }
    for days in BINS:
        within = Q(ended_at__lte=F("received_at") + timedelta(days=days))
        found[f"within_{days}"] = Count("pk", filter=ended & within)
    return found


def _counted(cohort: QuerySet[Report]) -> Any:
    return cohort.values("unit_id").annotate(**_counts())


def _ratings(cohort: QuerySet[Report]) -> Any:
    rows = Rating.objects.filter(report__in=cohort).order_by().values("report__unit_id")
    return rows.annotate(
        rated=Count("pk"),
        said_answered=Count("pk", filter=Q(answered=True)),
        said_solved=Count("pk", filter=Q(solved=True)),
        content=Count("pk", filter=Q(content__gte=2)),
    )


def _spans(cohort: QuerySet[Report]) -> dict[int, Spans]:
    """Unit → its spans; ALL for all of them. One statement, which reads the month once."""
    ended = ExpressionWrapper(F("ended_at") - F("received_at"), output_field=DurationField())
    took = Case(When(state__in=_ENDED, then=ended), default=None, output_field=DurationField())
    rows = cohort.exclude(state__in=_APART).annotate(took=took)
    shown = Q()
    for name, by in _GROUPS.items():
        rows, is_shown = _ranked(rows, name, by)
        shown |= is_shown
    found: dict[int, dict[str, str]] = {}
    columns = [f"{name}_{part}" for name in _GROUPS for part in ("half", "tenth")]
    for unit, took, *ranks in rows.filter(shown).values_list("unit_id", "took", *columns):
        text = show_span(took) if took is not None else ""
        for key, half, tenth in ((unit, *ranks[:2]), (ALL, *ranks[2:])):
            if half in (0, 1):
                found.setdefault(key, {})["median"] = text
            if 0 <= tenth <= 9:
                found.setdefault(key, {})["ninth"] = text
    return {unit: Spans(**spans) for unit, spans in found.items()}


_GROUPS: dict[str, list[F]] = {"own": [F("unit_id")], "all": []}


def _ranked(rows: QuerySet[Any], name: str, by: list[F]) -> tuple[QuerySet[Any], Q]:
    """Which rows stand at half and at nine tenths of each group, by nearest rank: no row is read that is not shown."""
    rank, half, tenth = f"{name}_rank", f"{name}_half", f"{name}_tenth"
    place = Window(RowNumber(), partition_by=by or None, order_by=F("took").asc(nulls_last=True))
    rows = rows.annotate(**{rank: place, f"{name}_n": Window(Count("pk"), partition_by=by or None)})
    rows = rows.annotate(**{half: F(rank) * 2 - F(f"{name}_n"), tenth: F(rank) * 10 - F(f"{name}_n") * 9})
    return rows, Q(**{f"{half}__in": (0, 1)}) | Q(**{f"{tenth}__gte": 0, f"{tenth}__lte": 9})


def _summed(rows: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for row in rows:
        for name, value in row.items():
            if not name.endswith("unit_id"):
                total[name] = total.get(name, 0) + value
    return total


def _line(unit: str, row: Mapping[str, int], rated: Mapping[str, int], spans: Spans) -> Line:
    counted, ended = row.get("counted", 0), row.get("fixed", 0) + row.get("closed", 0)
    within = [row.get(f"within_{days}", 0) for days in BINS]
    steps = [within[0], *(after - before for before, after in pairwise(within))]
    asked = rated.get("rated", 0)
    return Line(
        unit=unit,
        received=row.get("received", 0),
        counted=counted,
        valid=row.get("valid", 0),
        invalid=row.get("invalid", 0),
        aside=row.get("aside", 0),
        fixed=row.get("fixed", 0),
        closed=row.get("closed", 0),
        open=counted - ended,
        reopened=row.get("reopened", 0),
        answered=Share(row.get("answered", 0), counted),
        solved=Share(row.get("fixed", 0), counted),
        said_answered=Share(rated.get("said_answered", 0), asked),
        said_solved=Share(rated.get("said_solved", 0), asked),
        content=Share(rated.get("content", 0), asked),
        histogram=(*steps, ended - within[-1], counted - ended),
        spans=spans,
    )


def _reasons(cohort: QuerySet[Report]) -> list[Reason]:
    """Why reports were not true or not taken on, most often first."""
    policy: Decisions = current("reports.decisions").data
    rows = Decision.objects.filter(report__in=cohort, standing=True, verdict__in=_APART).order_by()
    counted = rows.values_list("verdict", "reason").annotate(n=Count("pk"))
    found = [Reason(verdict, _(policy.reasons(verdict).get(slug, slug)), n) for verdict, slug, n in counted]
    return sorted(found, key=lambda one: (-one.count, one.verdict, one.title))


# ── for everybody ─────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class PublicLine:
    """Counts to multiples of `least`; None: there, but fewer. Shares in percent; None: too few to say."""

    unit: str
    counted: int | None
    fixed: int | None
    closed: int | None
    open: int | None
    answered: int | None
    solved: int | None
    content: int | None
    spans: Spans


@dataclass(frozen=True, slots=True)
class PublicFigures:
    month: date
    before: date
    after: date | None
    least: int
    whole: PublicLine
    lines: list[PublicLine]
    reasons: list[tuple[str, str, int | None]]


def public_figures(month: date) -> PublicFigures:
    """A month that is over; NotFound for one that still runs. Units with fewer cases than the policy publishes are left
    out, with their number in the whole."""
    if month_after(month) > clock.city_date(clock.now()):
        raise NotFound
    found, least = _figures(Report.objects.all(), month), current("reports.decisions").data.public_from
    after = found.after if found.after and month_after(found.after) <= clock.city_date(clock.now()) else None
    return PublicFigures(
        month=month,
        before=found.before,
        after=after,
        least=least,
        whole=_public(found.whole, least),
        lines=[_public(line, least) for line in found.lines if line.counted >= least],
        reasons=[(one.verdict, one.title, rounded(one.count, least)) for one in found.reasons],
    )


# Whoever asks, a month is counted once an hour in each process: the page is open to everybody. Few statements count a
# month, one at a time; what waits for that reads what was counted.
KEPT_FOR = timedelta(hours=1)
MOST_KEPT = 1000  # every month since 2000 in both languages: nobody drives the others out
_kept: dict[tuple[date, str, int], tuple[datetime, PublicFigures]] = {}
_counting = Lock()


def kept_public_figures(month: date) -> PublicFigures:
    """As public_figures, up to an hour old."""
    key = (month, get_language() or "", current("reports.decisions").version)
    with _counting:
        now, found = clock.now(), _kept.get(key)
        if found is not None and timedelta() <= now - found[0] < KEPT_FOR:
            return found[1]
        counted = public_figures(month)
        _kept.pop(key, None)
        while len(_kept) >= MOST_KEPT:
            del _kept[next(iter(_kept))]
        _kept[key] = (now, counted)
        return counted


def forget_figures() -> None:
    """Count anew what is asked for next; for tests."""
    _kept.clear()


def _public(line: Line, least: int) -> PublicLine:
    return PublicLine(
        unit=line.unit,
        counted=rounded(line.counted, least),
        fixed=rounded(line.fixed, least),
        closed=rounded(line.closed, least),
        open=rounded(line.open, least),
        answered=published(line.answered, least),
        solved=published(line.solved, least),
        content=published(line.content, least),
        spans=line.spans if line.counted >= least else Spans(),
    )
