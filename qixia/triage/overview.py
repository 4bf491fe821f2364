"""What the model page shows: which model judges, what people make of it, whether what comes in has changed, and how the
others would have done. Reads only; a page costs the same number of queries however much there is.

Cost     what spans weeks is counted when the page is opened as long as there is little of it, else every hour
         (services/counting.py): one row is read then.
Units    shares are 0-1 and come with their counts; weeks are those of the city, from Monday on.
Truth    corrections, runs and models of this package; counts of reports from `settled.source()`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, F, Max, Q
from django.db.models.functions import TruncWeek

from qixia.kernel import clock
from qixia.people.access import Actor
from qixia.policy.queries import Published, history, versions
from qixia.triage import active, comparing
from qixia.triage.choice import MODEL, SHIPPED
from qixia.triage.learning.model import BadArtefact
from qixia.triage.models import RUN_OPEN, Correction, LearningRun, ShadowVerdict, TrainedModel
from qixia.triage.queries import kept_figures
from qixia.triage.settled import Shown, Week, source

WEEKS = 12
BEFORE = 4  # weeks that a week's mix of classes is compared with
MATRIX = 8
MODELS = 20
DAYS = (30, 90, 365)  # that corrections are counted for
MOST_PAIRS = 60
DRIFT, CORRECTED = "triage.drift", "triage.corrected"  # names of kept figures
PAGE = 30


# ── corrections ───────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Confusion:
    """The machine said `was`, a person `cls`, `n` times; `of` is how often the machine said so among the corrected."""

    was: str
    cls: str
    n: int
    of: int


@dataclass(frozen=True, slots=True)
class Corrections:
    """What clerks made of verdicts in some days. `grid` is machine × person for the classes most often met."""

    total: int
    same_cls: int
    raised: int
    lowered: int
    pairs: list[Confusion]
    names: list[str]
    grid: list[tuple[str, list[int]]]


_ORDER = {"low": 0, "normal": 1, "high": 2, "critical": 3}


def corrections(days: int) -> Corrections:
    """Two queries at most."""
    kept = kept_figures(CORRECTED) or {}
    found = kept.get(str(days))
    return _corrections_of(found) if found else _count_corrections(days, clock.now())


def _corrections_of(kept: Mapping[str, Any]) -> Corrections:
    pairs = [Confusion(**one) for one in kept["pairs"]]
    return Corrections(**{**kept, "pairs": pairs, "grid": [(name, row) for name, row in kept["grid"]]})


def _count_corrections(days: int, now: datetime) -> Corrections:
    since = now - timedelta(days=days)
    rows = list(
        Correction.objects.filter(at__gte=since)
        .order_by()
        .values_list("was_cls", "cls", "was_severity", "severity")
        .annotate(n=Count("pk"))
    )
    met: dict[str, int] = {}
    said: dict[str, int] = {}
    counts: dict[tuple[str, str], int] = {}
    raised = lowered = 0
    for was, cls, was_severity, severity, n in rows:
        counts[was, cls] = counts.get((was, cls), 0) + n
        said[was] = said.get(was, 0) + n
        for name in {was, cls}:
            met[name] = met.get(name, 0) + n
        step = _ORDER.get(severity, 0) - _ORDER.get(was_severity, 0)
        raised, lowered = raised + n * (step > 0), lowered + n * (step < 0)
    wrong = [Confusion(was, cls, n, said[was]) for (was, cls), n in counts.items() if was != cls]
    names = sorted(sorted(met, key=lambda name: (-met[name], name))[:MATRIX])
    return Corrections(
        total=sum(counts.values()),
        same_cls=sum(n for (was, cls), n in counts.items() if was == cls),
        raised=raised,
        lowered=lowered,
        pairs=sorted(wrong, key=lambda one: (-one.n, one.was, one.cls)),
        names=names,
        grid=[(was, [counts.get((was, cls), 0) for cls in names]) for was in names],
    )


def lessons_waiting() -> tuple[int, int]:
    """(corrections with words, those that no model has learnt from yet). Three queries at most."""
    kept = kept_figures(CORRECTED) or {}
    return tuple(kept["lessons"]) if kept else _count_lessons()


def _count_lessons() -> tuple[int, int]:
    latest = TrainedModel.objects.aggregate(at=Max("made_at"))["at"]
    with_words = Q(sealed_words__isnull=False)
    found = Correction.objects.aggregate(
        all=Count("pk", filter=with_words),
        new=Count("pk", filter=with_words & (Q(at__gt=latest) if latest else Q())),
    )
    return found["all"], found["new"]


# ── drift ─────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Point:
    """One week of one curve: a value with what it is made of; None where there is nothing to say."""

    monday: date
    value: float | None
    part: float = 0
    whole: int = 0


@dataclass(frozen=True, slots=True)
class Drift:
    doubted: list[Point]
    corrected: list[Point]
    confidence: list[Point]
    mix: list[Point]


def drift(now: datetime) -> Drift:
    """The last WEEKS weeks, the running one included. Four queries at most."""
    mondays, kept = _mondays(now), kept_figures(DRIFT)
    if kept:
        known = {one["monday"]: one for one in kept["weeks"]}
        weeks = [Week(**{**known.get(str(one), {}), "monday": one}) for one in mondays]
        said = {date.fromisoformat(one): (changed, n) for one, (changed, n) in kept["said"].items()}
    else:
        weeks, said = list(source().weeks(mondays)), _corrected(mondays[0])
    return _drift(weeks, said)


def _mondays(now: datetime) -> list[date]:
    monday = clock.city_date(now) - timedelta(days=clock.city_date(now).weekday())
    return [monday - timedelta(weeks=back) for back in range(WEEKS + BEFORE - 1, -1, -1)]


def _drift(weeks: list[Week], said: Mapping[date, tuple[int, int]]) -> Drift:
    shown = weeks[BEFORE:]
    return Drift(
        doubted=[Point(w.monday, comparing.share(w.doubted, w.settled), w.doubted, w.settled) for w in shown],
        corrected=[
            Point(w.monday, comparing.share(*said.get(w.monday, (0, 0))), *said.get(w.monday, (0, 0))) for w in shown
        ],
        confidence=[Point(w.monday, w.confidence, 0, w.settled) for w in shown],
        mix=[_mix(weeks, index) for index in range(BEFORE, len(weeks))],
    )


def rows_to_count(now: datetime) -> tuple[int, int]:
    """How many reports and corrections the figures span."""
    since = clock.city_day(_mondays(now)[0])[0]
    corrected = Correction.objects.filter(at__gte=min(since, now - timedelta(days=max(DAYS)))).count()
    return source().count(since, now), corrected


def count_drift(now: datetime) -> dict[str, Any]:
    """What `drift` shows, counted now, as a document."""
    mondays = _mondays(now)
    weeks = [{**asdict(week), "monday": str(week.monday)} for week in source().weeks(mondays)]
    return {"weeks": weeks, "said": {str(monday): both for monday, both in _corrected(mondays[0]).items()}}


def count_corrected(now: datetime) -> dict[str, Any]:
    """What `corrections` and `lessons_waiting` show, counted now, as a document."""
    found = {days: _count_corrections(days, now) for days in DAYS}
    kept = {str(days): asdict(replace(one, pairs=one.pairs[:MOST_PAIRS])) for days, one in found.items()}
    return kept | {"lessons": list(_count_lessons())}


def _corrected(first: date) -> dict[date, tuple[int, int]]:
    """Monday → (classes changed, decided by a person)."""
    week = TruncWeek("at", tzinfo=clock.CITY_TZ)
    rows = (
        Correction.objects.filter(at__gte=clock.city_day(first)[0])
        .annotate(week=week)
        .order_by()
        .values("week")
        .annotate(n=Count("pk"), changed=Count("pk", filter=~Q(cls=F("was_cls"))))
    )
    return {row["week"].date(): (row["changed"], row["n"]) for row in rows}


def _mix(weeks: Sequence[Week], index: int) -> Point:
    """A week's classes against those of the BEFORE weeks before it."""
    before: dict[str, int] = {}
    for week in weeks[index - BEFORE : index]:
        for cls, n in week.classes.items():
            before[cls] = before.get(cls, 0) + n
    here = weeks[index]
    return Point(here.monday, comparing.distance(here.classes, before), sum(before.values()), here.settled)


# ── models ────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One artefact. `state`: "used" now, "past" once, "draft" never. `figures` as services.training keeps them."""

    artefact: str
    name: str
    state: str
    card: Mapping[str, Any]
    figures: Mapping[str, Any]
    made_at: datetime | None = None
    made_by: str = ""
    trial: LearningRun | None = None  # the latest finished one against the model in use

    @property
    def is_shipped(self) -> bool:
        return self.artefact == SHIPPED

    @property
    def misses_more(self) -> bool:
        return self.trial is not None and comparing.misses_more(self.trial.summary)


@dataclass(frozen=True, slots=True)
class Overview:
    """`version` is of the policy, for whoever switches. `history` has the newest first."""

    active: active.Active
    version: int
    models: list[ModelRow]
    history: list[Published]
    open_runs: list[LearningRun]
    latest_training: LearningRun | None = None
    previous: str = ""

    @property
    def used(self) -> ModelRow:
        return next(row for row in self.models if row.state == "used")


def overview() -> Overview:
    """Five queries besides the policy, and the artefact itself once a process."""
    state = active.state()
    rows = _models(state.wanted)
    runs = list(LearningRun.objects.filter(state__in=RUN_OPEN).order_by("kind"))
    chain = versions(MODEL)
    return Overview(
        active=state,
        version=chain[-1].version if chain else 0,
        models=rows,
        history=history(MODEL, MODELS),
        open_runs=runs,
        latest_training=LearningRun.objects.filter(kind="train").order_by("-id").first(),
        previous=previous(),
    )


def previous() -> str:
    """The artefact that was in use before the present one, "" if there was none."""
    chain = [rules.data.artefact for rules in versions(MODEL)]
    return next((one for one in reversed(chain) if one != chain[-1]), "")


def model_row(artefact: str) -> ModelRow | None:
    """One artefact with its trial against the model in use."""
    return next((row for row in _models(active.chosen()[0], only=artefact) if row.artefact == artefact), None)


def _models(used: str, only: str = "") -> list[ModelRow]:
    past = {rules.data.artefact for rules in versions(MODEL)} - {used}
    trials: dict[str, LearningRun] = {}
    for run in LearningRun.objects.filter(kind="shadow", state="done", against=used).order_by("id"):
        trials[run.artefact] = run
    found = TrainedModel.objects.defer("data").order_by("-made_at", "-id")
    found = found.filter(sha256=only) if only else found

    def state(artefact: str) -> str:
        return "used" if artefact == used else "past" if artefact in past else "draft"

    trained = [
        ModelRow(
            row.sha256,
            row.name,
            state(row.sha256),
            row.card,
            row.figures,
            row.made_at,
            row.made_by,
            trials.get(row.sha256),
        )
        for row in found[: MODELS if not only else 1]
    ]
    shipped = ModelRow(SHIPPED, "", state(SHIPPED), _shipped_card(), {}, trial=trials.get(SHIPPED))
    rows = [shipped, *trained]
    if not only and not any(row.state == "used" for row in rows):  # older than those shown, or gone
        rows += [model_row(used) or ModelRow(used, used[:12], "used", {}, {})]
    return sorted(rows, key=lambda row: row.state != "used")


def _shipped_card() -> Mapping[str, Any]:
    try:
        return active.load(SHIPPED).card
    except BadArtefact:
        return {}


# ── a trial ───────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class ChangedReport:
    """A report that the tried model would handle otherwise, as the actor may see it."""

    verdict: ShadowVerdict
    shown: Shown


@dataclass(frozen=True, slots=True)
class ChangedPage:
    """`hidden` of the reports of this page lie outside the actor's place; `after` is the key of the next page."""

    rows: list[ChangedReport]
    hidden: int
    after: int | None


def changed_reports(actor: Actor, run: LearningRun, after: int = 0) -> ChangedPage:
    """Reports that would change, a page by key. Two queries."""
    found = list(ShadowVerdict.objects.filter(run=run, changed=True, pk__gt=after).order_by("pk")[: PAGE + 1])
    page = found[:PAGE]
    shown = source().shown(actor, [row.ref for row in page])
    rows = [ChangedReport(row, shown[row.ref]) for row in page if row.ref in shown]
    return ChangedPage(rows, len(page) - len(rows), page[-1].pk if len(found) > PAGE else None)


def open_runs() -> list[LearningRun]:
    """Trainings and trials that are not over."""
    return list(LearningRun.objects.filter(state__in=RUN_OPEN).order_by("kind"))
