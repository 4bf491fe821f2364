"""Reads of second opinions: the rule, what was said of a case, who may be asked now, how it went.

`critical_in` and `unasked_in` are expressions for queries of the packages above, whose rows triage does not know: they
take an expression that gives a row's ref.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Exists, Q, Sum
from django.db.models.expressions import Combinable

from qixia.codes.queries import class_name
from qixia.kernel import clock
from qixia.kernel.errors import NotConfigured
from qixia.policy.queries import current
from qixia.triage.models import Opinion, OpinionTally
from qixia.triage.opinion.rules import FAILURES, PASSING, PAUSE, PAUSE_AFTER, SECOND_OPINION, SecondOpinion

ASKED = "asked"
OUTCOMES = (ASKED, "ok", *FAILURES, "refused")
_OFF = SecondOpinion()


@dataclass(frozen=True, slots=True)
class OpinionView:
    """What another model said of a case; `class_name` in the reader's language."""

    cls: str
    class_name: str
    severity: str
    words: str
    model: str
    asked_at: datetime


def rule() -> SecondOpinion:
    """The rule in force; off before any was published."""
    try:
        found: SecondOpinion = current(SECOND_OPINION).data
    except NotConfigured:
        return _OFF
    return found


def opinion_for(ref: str) -> OpinionView | None:
    """What was said of one case; None if nothing was, for whatever reason."""
    row = Opinion.objects.filter(ref=ref, state="ok").first()
    if row is None:
        return None
    return OpinionView(row.cls, class_name(row.cls), row.severity, row.words, row.model, row.asked_at)


def critical_in(ref: Combinable) -> Exists:
    """Whether another model called the case critical; for filters and orders."""
    return Exists(Opinion.objects.filter(ref=ref, state="ok", severity="critical"))


def unasked_in(ref: Combinable, now: datetime) -> Q:
    """Whether a case was never asked about, or is to be asked about again by now."""
    rows = Opinion.objects.filter(ref=ref)
    return ~Exists(rows) | Exists(rows.filter(state="waiting", again_at__lte=now))


def is_due(ref: str, now: datetime) -> bool:
    """Whether a case waits for another try by now."""
    return Opinion.objects.filter(ref=ref, state="waiting", again_at__lte=now).exists()


def may_ask(now: datetime) -> int:
    """How many requests may go out now: 0 while it is off, paused after failures, or when the day's limit is reached."""
    found = rule()
    if not found.enabled or is_paused(now):
        return 0
    day = OpinionTally.objects.filter(day=clock.city_date(now), outcome=ASKED)
    asked: int = day.aggregate(n=Sum("n"))["n"] or 0
    return max(0, found.daily_limit - asked)


def is_paused(now: datetime) -> bool:
    """Whether the latest tries all failed in a way that passes, a moment ago."""
    latest = list(Opinion.objects.order_by("-asked_at").values_list("asked_at", "failure")[:PAUSE_AFTER])
    return (
        len(latest) == PAUSE_AFTER and all(failure in PASSING for _at, failure in latest) and now - latest[0][0] < PAUSE
    )


def tallies(day: date | None = None) -> Mapping[str, int]:
    """Outcome → how often, on one day or ever; every outcome is there."""
    rows = OpinionTally.objects.filter(day=day) if day else OpinionTally.objects.all()
    counted = dict(rows.order_by().values_list("outcome").annotate(total=Sum("n")))
    return {outcome: counted.get(outcome, 0) for outcome in OUTCOMES}


def failed_on(day: date) -> int:
    """Requests of that day that brought no opinion."""
    found = tallies(day)
    return sum(found[outcome] for outcome in (*FAILURES, "refused"))
