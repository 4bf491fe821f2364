"""Reading the history and the access log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Max, Q, QuerySet

from qixia.audit.models import AccessRecord, AuditEvent, RetentionRun
from qixia.kernel import clock
from qixia.kernel.keys import BadSeal, keys

UNREADABLE = "（无法解密）"


@dataclass(frozen=True, slots=True)
class Access:
    """One line of the access log. `reason` is only filled for those who may read reasons."""

    id: int
    public_id: str
    at: datetime
    kind: str
    subject: str
    actor: str
    basis: str
    reason: str = ""
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deed:
    """One line of the history."""

    id: int
    at: datetime
    action: str
    subject: str
    actor: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AccessFilter:
    """What of the access log is wanted. Days are the city's; `until` is included. Empty means all."""

    kind: str = ""
    basis: str = ""
    actor: str = ""
    subject: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Purge:
    """One line of proof: one kind, one run."""

    at: datetime
    kind: str
    days: int
    before: datetime
    removed: int
    oldest_left: datetime | None
    finished: bool


def retention_finished_since(moment: datetime) -> frozenset[str]:
    """The kinds with nothing left to do since then."""
    return frozenset(RetentionRun.objects.filter(at__gte=moment, finished=True).values_list("kind", flat=True))


def latest_purges() -> dict[str, Purge]:
    """The last run over each kind."""
    latest = RetentionRun.objects.values("kind").annotate(top=Max("pk")).values("top")
    return {row.kind: _purge(row) for row in RetentionRun.objects.filter(pk__in=latest)}


def purges(kind: str = "", *, limit: int = 60) -> list[Purge]:
    """Runs, latest first."""
    rows = RetentionRun.objects.filter(kind=kind) if kind else RetentionRun.objects.all()
    return [_purge(row) for row in rows.order_by("-pk")[:limit]]


def _purge(row: RetentionRun) -> Purge:
    return Purge(row.at, row.kind, row.days, row.before, row.removed, row.oldest_left, row.finished)


def history_of(subject: str) -> QuerySet[AuditEvent]:
    """What happened to a subject, oldest first."""
    return AuditEvent.objects.filter(subject=subject).order_by("id")


def acts_of(action: str, subjects: Iterable[str]) -> list[Deed]:
    """All acts of one kind on these subjects, oldest first; for kinds of which there are few."""
    rows = AuditEvent.objects.filter(subject__in=list(subjects), action=action).order_by("pk")
    return [Deed(row.pk, row.at, row.action, row.subject, row.actor, row.data) for row in rows]


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """What of the history is wanted. `actors` are exact refs; with none of them and no `subject`, nothing matches."""

    actors: tuple[str, ...] = ()
    actor_prefixes: tuple[str, ...] = ()
    subject: str = ""
    hidden_prefixes: tuple[str, ...] = ()  # of actions
    since: date | None = None
    until: date | None = None


def history(
    wanted: HistoryFilter, *, limit: int, older_than: int | None = None, newer_than: int | None = None
) -> list[Deed]:
    """Acts of certain actors, latest first, paged by key. The caller decides whose acts may be shown to whom."""
    by = Q(actor__in=wanted.actors)
    for prefix in wanted.actor_prefixes:
        by |= Q(actor__startswith=prefix)
    rows = AuditEvent.objects.filter(by)
    for prefix in wanted.hidden_prefixes:
        rows = rows.exclude(action__startswith=prefix)
    if wanted.subject:
        rows = rows.filter(subject=wanted.subject)
    if wanted.since:
        rows = rows.filter(at__gte=clock.city_day(wanted.since)[0])
    if wanted.until:
        rows = rows.filter(at__lt=clock.city_day(wanted.until)[1])
    if newer_than is not None:
        found = list(rows.filter(pk__gt=newer_than).order_by("pk")[:limit])[::-1]
    else:
        found = list((rows.filter(pk__lt=older_than) if older_than is not None else rows).order_by("-pk")[:limit])
    return [Deed(row.pk, row.at, row.action, row.subject, row.actor, row.data) for row in found]


def accesses(
    wanted: AccessFilter, *, limit: int, older_than: int | None = None, newer_than: int | None = None
) -> list[Access]:
    """Lines of the log with their reasons opened, latest first, paged by key: for data officer and auditor only."""
    rows = _filtered(wanted)
    if newer_than is not None:
        found = list(rows.filter(pk__gt=newer_than).order_by("pk")[:limit])[::-1]
    else:
        older = rows.filter(pk__lt=older_than) if older_than is not None else rows
        found = list(older.order_by("-pk")[:limit])
    return [_access(row, with_reason=True) for row in found]


def accesses_about(subjects: Iterable[str], *, limit: int = 100) -> list[Access]:
    """Who opened what of these subjects, latest first, without reasons: for the one whom they concern."""
    rows = AccessRecord.objects.filter(subject__in=list(subjects)).exclude(basis="self").order_by("-pk")[:limit]
    return [_access(row, with_reason=False) for row in rows]


def accesses_per_week(wanted: AccessFilter, *, weeks: int, today: date) -> list[tuple[date, int]]:
    """How many in each of the last `weeks` weeks, as (Monday, count), the oldest first."""
    monday = today - timedelta(days=today.weekday())
    first = monday - timedelta(weeks=weeks - 1)
    rows = _filtered(wanted).filter(at__gte=clock.city_day(first)[0]).values_list("at", flat=True)
    counts: Counter[date] = Counter()
    for at in rows.iterator():
        day = clock.city_date(at)
        counts[day - timedelta(days=day.weekday())] += 1
    return [(first + timedelta(weeks=n), counts[first + timedelta(weeks=n)]) for n in range(weeks)]


def accesses_a_day(actors: Iterable[str], since: datetime) -> dict[tuple[str, date], int]:
    """How often each of `actors` opened something on each day of the city since then; own data doesn't count."""
    rows = AccessRecord.objects.filter(actor__in=list(actors), at__gte=since).exclude(basis="self")
    return Counter((actor, clock.city_date(at)) for actor, at in rows.values_list("actor", "at").iterator())


def access_actors() -> list[str]:
    """Everybody who stands in the log, for the filter."""
    return list(AccessRecord.objects.order_by("actor").values_list("actor", flat=True).distinct())


def _filtered(wanted: AccessFilter) -> QuerySet[AccessRecord]:
    rows = AccessRecord.objects.all()
    for name in ("kind", "basis", "actor", "subject"):
        if getattr(wanted, name):
            rows = rows.filter(**{name: getattr(wanted, name)})
    if wanted.since:
        rows = rows.filter(at__gte=clock.city_day(wanted.since)[0])
    if wanted.until:
        rows = rows.filter(at__lt=clock.city_day(wanted.until)[1])
    return rows


def _access(row: AccessRecord, *, with_reason: bool) -> Access:
    return Access(
        id=row.pk,
        public_id=row.public_id,
        at=row.at,
        kind=row.kind,
        subject=row.subject,
        actor=row.actor,
        basis=row.basis,
        reason=_reason(row) if with_reason else "",
        data=row.data,
    )


def _reason(row: AccessRecord) -> str:
    if row.sealed_reason is None:
        return ""
    try:
        return keys().open(bytes(row.sealed_reason), purpose=f"access-reason:{row.public_id}").decode()
    except BadSeal:
        return UNREADABLE  # one bad row must not close the whole log
