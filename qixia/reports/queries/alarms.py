"""What rings, for those who may answer it: the cards of the alarm page, and whether anything rings at all.

Who      the staff that sees the report (access.cases). Nothing here knows who reported.
Cost     `rings_for` and `stamp_of` are one statement over the few alarms that ring or rang lately; the page is six.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from qixia.codes.queries import triage_classes
from qixia.kernel import clock
from qixia.people.access import Actor
from qixia.people.queries import display_names_for
from qixia.people.rules import ROLE_LABELS
from qixia.policy.queries import current
from qixia.reports import access, states
from qixia.reports.models import Alarm, AlarmCall, Report, ReportStep
from qixia.reports.policy import Phone
from qixia.reports.queries.desk import EvidenceWord, marked
from qixia.reports.queries.shared import Picture, pictures_of, title_of

LATELY = timedelta(hours=12)
MOST = 30


@dataclass(frozen=True, slots=True)
class Called:
    """One level of people who were called at one moment."""

    rank: int
    place: str
    at: datetime
    names: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """An emergency service that was called."""

    phone: str
    at: datetime
    reference: str
    by: str


@dataclass(frozen=True, slots=True)
class AlarmCard:
    """One alarm. `stamp` changes whenever the card would be drawn otherwise."""

    public_id: str
    number: str
    title: str
    rings: bool
    since: datetime
    place: str
    lat: float
    lng: float
    unit_name: str
    state_key: str
    state_label: str
    marked: list[EvidenceWord]
    photo: Picture | None
    phones: list[Phone]
    calls: list[Called]
    next_at: datetime | None
    taken_by: str
    taken_at: datetime | None
    transfers: list[Transfer]
    stamp: str


@dataclass(frozen=True, slots=True)
class AlarmBar:
    """The red bar over every page of the staff."""

    url: str
    text: str


def bar_for(actor: Actor) -> AlarmBar | None:
    """What the bar says; None while nothing rings in the actor's reach. One statement, none for who sees no reports."""
    if not rings_for(actor):
        return None
    return AlarmBar(reverse("reports:alarm"), _("有特急没人接，马上去看"))


def rings_for(actor: Actor) -> bool:
    """Whether an alarm that nobody answered lies in the actor's reach."""
    if not actor.has(*access.STAFF_ROLES):
        return False
    mine = access.cases(actor).filter(pk=OuterRef("report_id"), rings=True, state__in=states.OPEN)
    return Alarm.objects.filter(Exists(mine), ended_at=None).exists()


def stamp_of(actor: Actor) -> str:
    """Differs whenever the page would: a mark of all that is on it. One statement."""
    ready = Count("report__photos", filter=Q(report__photos__evidence__state="ready"))
    rows = _visible(actor).annotate(ready=ready).order_by("pk")[: 2 * MOST]
    found = rows.values_list("public_id", "changed_at", "report__state", "ready")
    return _hash([actor.ref, *(str(part) for row in found for part in row)])


def alarm_cards(actor: Actor) -> list[AlarmCard]:
    """What rings, the longest first; then what was answered lately, the latest first."""
    rows = _visible(actor).select_related("report__unit", "acknowledged_by")
    ringing = list(rows.filter(ended_at=None).order_by("rang_at", "pk")[:MOST])
    ended = list(rows.filter(ended_at__isnull=False).order_by("-ended_at", "-pk")[:MOST])
    alarms = [*ringing, *ended]
    if not alarms:
        return []
    pictures = pictures_of([alarm.report_id for alarm in alarms], actor.ref)
    calls, transfers = _calls(alarms), _transfers(alarms)
    found = []
    for alarm in alarms:
        before = pictures[alarm.report_id]["before"]
        report_id = alarm.report_id
        found.append(_card(alarm, before[0] if before else None, calls[alarm.pk], transfers[report_id]))
    return found


def _visible(actor: Actor) -> QuerySet[Alarm]:
    mine = access.cases(actor).filter(pk=OuterRef("report_id"))
    rings = Q(ended_at=None, report__rings=True, report__state__in=states.OPEN)
    lately = Q(ended_at__gte=clock.now() - LATELY, acknowledged_by__isnull=False)
    return Alarm.objects.filter(rings | lately).filter(Exists(mine))


def _card(alarm: Alarm, photo: Picture | None, calls: list[Called], transfers: list[Transfer]) -> AlarmCard:
    report: Report = alarm.report
    label, _mine, key = states.LABELS[report.state]
    known = triage_classes().get(report.cls)
    return AlarmCard(
        public_id=report.public_id,
        number=report.number,
        title=title_of(report),
        rings=alarm.ended_at is None,
        since=alarm.rang_at,
        place=report.place,
        lat=report.lat,
        lng=report.lng,
        unit_name=report.unit.name if report.unit else "",
        state_key=key,
        state_label=_(label),
        marked=marked(report),
        photo=photo,
        phones=current("reports.alarm").data.phones_for(report.cls, known.family if known else ""),
        calls=calls,
        next_at=alarm.next_at,
        taken_by=alarm.acknowledged_by.display_name if alarm.acknowledged_by else "",
        taken_at=alarm.ended_at,
        transfers=transfers,
        stamp=_hash([str(alarm.changed_at), report.state, photo.state if photo else ""]),
    )


def _calls(alarms: Iterable[Alarm]) -> dict[int, list[Called]]:
    """Alarm → who was called, by level. One statement."""
    found: dict[int, list[Called]] = defaultdict(list)
    groups: dict[tuple[int, int, str], list[AlarmCall]] = defaultdict(list)
    rows = AlarmCall.objects.filter(alarm__in=list(alarms)).select_related("person").order_by("rank", "pk")
    for row in rows:
        groups[row.alarm_id, row.rank, row.place].append(row)
    for (alarm_id, rank, place), group in groups.items():
        names = "、".join(f"{row.person.display_name}（{_(ROLE_LABELS.get(row.role, row.role))}）" for row in group)
        found[alarm_id].append(Called(rank, place or _("全市"), group[0].at, names))
    return found


def _transfers(alarms: Iterable[Alarm]) -> dict[int, list[Transfer]]:
    """Report → emergency services that were called. Two statements, one if there are none."""
    rows = ReportStep.objects.filter(report__in=[alarm.report_id for alarm in alarms], step="transfer").order_by("pk")
    steps = list(rows.values_list("report_id", "actor", "data"))
    names = display_names_for(actor.removeprefix("person:") for _id, actor, _data in steps) if steps else {}
    found: dict[int, list[Transfer]] = defaultdict(list)
    for report_id, actor, data in steps:
        at = datetime.fromisoformat(data["at"])
        by = names.get(actor.removeprefix("person:"), "")
        found[report_id].append(Transfer(data["phone"], at, data["reference"], by))
    return found


def _hash(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:20]
