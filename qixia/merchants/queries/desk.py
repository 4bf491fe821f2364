"""What the desk sees: who waits, papers that end soon, alliances with their numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db.models import Count, Q
from django.utils.translation import gettext as _

from qixia.codes.queries import divisions_under
from qixia.kernel import clock
from qixia.merchants import access, rules, sealing, states
from qixia.merchants.models import Alliance, Membership, Merchant, Paper, Rating
from qixia.merchants.queries.keeping import Kept, kept
from qixia.merchants.queries.rating import published_of
from qixia.people.access import Actor
from qixia.people.queries import staff_of
from qixia.policy.queries import current
from qixia.ui.paging import Page

PAGE = 40
TABS = {
    "waiting": states.WAITING,
    "active": (states.ACTIVE,),
    "suspended": (states.SUSPENDED,),
    "gone": ("left", "refused"),
}


@dataclass(frozen=True, slots=True)
class Line:
    public_id: str
    name: str
    kind: str
    place: str
    label: str
    glyph: str
    applied_at: datetime
    papers: int  # that wait for a look


@dataclass(frozen=True, slots=True)
class Ending:
    public_id: str
    name: str
    paper: str
    valid_until: date
    is_over: bool


@dataclass(frozen=True, slots=True)
class AllianceLine:
    public_id: str
    name: str
    place: str
    path: str
    since: date
    count: int
    kinds: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Case:
    """`joinable` are alliances of its place that it is not in; `words` are what riders wrote, of nobody, and for nobody who keeps the shop."""

    shop: Kept
    alliances: list[str]
    joinable: list[tuple[str, str]]
    words: list[tuple[int, str]]
    keepers: list[tuple[str, str]]  # public id, what they are called
    is_own: bool


def waiting_count(actor: Actor) -> int | None:
    """For the navigation; None draws nothing."""
    return access.judged_by(actor).filter(state__in=(states.PAPERS_IN, states.CHECKED)).count() or None


def queue(actor: Actor, tab: str, after: str = "") -> Page[Line]:
    """Those who wait longest first; who applies again waits from then on. One query."""
    policy: rules.KindsPolicy = current("merchants.kinds").data
    rows = access.judged_by(actor).filter(_past(after), state__in=TABS.get(tab, states.WAITING))
    rows = rows.select_related("organisation", "division").order_by("applied_at", "pk")
    rows = rows.annotate(waits=Count("papers", filter=Q(papers__state=states.HANDED_IN)))
    found = list(rows[: PAGE + 1])
    lines = []
    for row in found[:PAGE]:
        kind = policy.kind(row.kind)
        lines.append(
            Line(
                public_id=row.public_id,
                name=row.organisation.name,
                kind=_(kind.title) if kind else row.kind,
                place=row.division.name if row.division else "",
                label=_(states.LABELS[row.state]),
                glyph=states.GLYPHS[row.state],
                applied_at=row.applied_at,
                papers=row.waits,
            )
        )
    last = found[PAGE - 1] if len(found) > PAGE else None
    return Page(lines, after=f"{last.applied_at.timestamp():.6f}-{last.pk}" if last else None)


def _past(after: str) -> Q:
    """Where a page's key from the address leads on; a wrong one is the first page."""
    key = re.fullmatch(r"(\d{1,10}\.\d{6})-(\d{1,18})", after, re.ASCII)
    if key is None:
        return Q()
    at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(key[1].replace(".", "")))
    return Q(applied_at__gt=at) | Q(applied_at=at, pk__gt=int(key[2]))


def ending_papers(actor: Actor) -> list[Ending]:
    """Papers in force that end within `warn_days` or are over, the earliest first. One query."""
    policy: rules.KindsPolicy = current("merchants.kinds").data
    today = clock.city_date(clock.now())
    mine = access.judged_by(actor).filter(state__in=states.MEMBERS)
    rows = Paper.objects.filter(
        merchant__in=mine, state=states.ACCEPTED, valid_until__lte=today + timedelta(days=policy.warn_days)
    ).order_by("valid_until", "pk")
    found = rows.values_list("merchant__public_id", "merchant__organisation__name", "kind", "valid_until")[:50]
    return [
        Ending(public_id, name, _(policy.paper_title(kind)), until, until < today)
        for public_id, name, kind, until in found
        if until is not None
    ]


def alliances(actor: Actor) -> list[AllianceLine]:
    """Alliances of the actor's places with their members by kind. Two queries."""
    policy: rules.KindsPolicy = current("merchants.kinds").data
    inside = Q(pk__in=())
    for path in actor.paths(*access.JUDGES):
        inside |= Q(division__path__startswith=path)
    rows = list(Alliance.objects.filter(inside).select_related("division").order_by("division__path", "name"))
    live = Membership.objects.filter(alliance__in=rows, left_at=None, merchant__state=states.ACTIVE)
    counted: dict[int, dict[str, int]] = {}
    for pk, kind, n in live.order_by().values_list("alliance", "merchant__kind").annotate(n=Count("pk")):
        counted.setdefault(pk, {})[kind] = n
    found = []
    for row in rows:
        by_kind = counted.get(row.pk, {})
        kinds = [(_(one.title), by_kind[one.slug]) for one in policy.kinds if one.slug in by_kind]
        place = row.division
        total = sum(by_kind.values())
        found.append(AllianceLine(row.public_id, row.name, place.name, place.path, row.since, total, kinds))
    return found


def places_to_found(actor: Actor) -> list[tuple[str, str]]:
    """(code, name) of the communities and streets in which the actor may found an alliance. One query."""
    rows = divisions_under(actor.paths(*access.JUDGES), "street", "community")
    return [(row.code, row.name) for row in rows]


def case(actor: Actor, public_id: str) -> Case:
    """One merchant with all that is decided about."""
    row: Merchant = access.to_look_at(actor, public_id)
    member = dict(
        Membership.objects.filter(merchant=row, left_at=None).values_list("alliance__public_id", "alliance__name")
    )
    there = [line for line in alliances(actor) if row.division and row.division.path.startswith(line.path)]
    is_own = row.organisation_id in actor.organisation_ids("merchant")
    return Case(
        shop=kept(actor, row),
        alliances=list(member.values()),
        joinable=[(line.public_id, line.name) for line in there if line.public_id not in member],
        words=[] if is_own else _words(row),
        keepers=list({one.public_id: one.name for one in staff_of(row.organisation_id, "merchant")}.items()),
        is_own=is_own,
    )


def _words(row: Merchant) -> list[tuple[int, str]]:
    many, _average = published_of(row, current("merchants.kinds").data)
    published = Rating.objects.filter(merchant=row).order_by("pk").values_list("stars", "sealed_words")
    return [(stars, sealing.open_words(bytes(words))) for stars, words in published[:many] if words][-20:]
