"""What a rider sees: what waits, what can be asked for, what came of it and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, Exists, OuterRef, Q, Value, When
from django.utils.translation import gettext as _

from qixia.gifts import access, errors, states
from qixia.gifts.models import Allotment, Campaign, Draw, Entry, HandOver, Place, Stock, Ticket
from qixia.gifts.queries.draws import Check, check_row
from qixia.gifts.rules import SharingPolicy
from qixia.kernel import clock, hours
from qixia.people.access import Actor
from qixia.people.queries import employers
from qixia.policy.queries import current

_MOST = 60
_LOOKED_AT = 300  # of all platforms
PLACES_MAX = 200


@dataclass(frozen=True, slots=True)
class Spot:
    """A place as somebody finds it. `has` is whether kits of the campaign lie there now."""

    public_id: str
    name: str
    kind: str
    address: str
    hours: str
    is_open: bool
    lat: float
    lng: float
    has: bool = False


@dataclass(frozen=True, slots=True)
class Gift:
    public_id: str
    campaign: str
    title: str
    what: str
    icon: str
    number: str
    why: str
    state: str
    label: str
    glyph: str
    until: datetime
    place: str
    handed_at: datetime | None
    handed_where: str
    to_deputy: bool
    deputy_number: str
    deputy_until: datetime | None


@dataclass(frozen=True, slots=True)
class Offer:
    """A campaign as a card. `said` is what there is to say about the rider's part in it."""

    public_id: str
    title: str
    what: str
    icon: str
    kits: int
    ends_at: datetime
    state: str
    label: str
    glyph: str
    is_entered: bool
    may_enter: bool


@dataclass(frozen=True, slots=True)
class Home:
    waiting: list[Gift]
    offers: list[Offer]
    past: list[Gift]


@dataclass(frozen=True, slots=True)
class Page:
    """One campaign for one rider."""

    offer: Offer
    kind: str
    who: str
    starts_at: datetime
    collect_until: datetime
    is_joining: bool
    spots: list[Spot]
    needs: list[tuple[str, str, str]]  # slug, title, how it is checked
    entry: Entry | None
    need_title: str
    gift: Gift | None
    checks: list[Check]
    result: str  # why, for the latest draw; "" before
    lane: str


def home(actor: Actor) -> Home:
    """Three queries, however many there are."""
    gifts = _gifts(actor)
    offers = _offers(actor)
    waiting = [one for one in gifts if one.state == states.OPEN]
    return Home(waiting, offers, [one for one in gifts if one.state != states.OPEN])


def gift_of(actor: Actor, public_id: str) -> tuple[Gift, list[Spot]]:
    """One gift, and where it lies; the place that was asked for first."""
    row = access.own_gifts(actor).select_related("campaign__division", "place").filter(public_id=public_id).first()
    if row is None:
        raise errors.NoSuchThing
    spots = _spots(row.campaign, only_with=True)
    asked = row.place.public_id if row.place else ""
    return _gift(row, _last_handing(row)), sorted(spots, key=lambda spot: spot.public_id != asked)[:12]


def campaign_for(actor: Actor, public_id: str) -> Page:
    row = access.shown(actor).select_related("division").filter(public_id=public_id).first()
    if row is None or not access.is_for(row, actor):
        raise errors.NoSuchThing
    policy: SharingPolicy = current("gifts.sharing").data
    entry = access.own_entries(actor).select_related("place").filter(campaign=row).first()
    gift = access.own_gifts(actor).select_related("campaign", "place").filter(campaign=row).first()
    draws = list(Draw.objects.filter(campaign=row).order_by("number"))
    result, lane = _result(draws, entry)
    kind = policy.kind(row.kind)
    need = policy.need(entry.need) if entry and entry.need else None
    return Page(
        offer=_offer(row, entry is not None, policy),
        kind=_(kind.title) if kind else "",
        who="、".join(platform_names().get(code, code) for code in row.platforms),
        starts_at=row.starts_at,
        collect_until=row.collect_until,
        is_joining=row.way == states.ON_JOINING,
        spots=_spots(row, only_with=False),
        needs=[(one.slug, _(one.title), one.check) for one in policy.needs],
        entry=entry,
        need_title=_(need.title) if need else "",
        gift=_gift(gift, _last_handing(gift)) if gift else None,
        checks=[check_row(one) for one in draws],
        result=result,
        lane=lane,
    )


def _result(draws: list[Draw], entry: Entry | None) -> tuple[str, str]:
    """What the latest finished draw said to this entry, and its lane there."""
    done = [one for one in draws if one.state == states.DONE]
    if entry is None or not done:
        return "", ""
    ticket = Ticket.objects.filter(draw__in=done, code=entry.code).order_by("-draw__number").first()
    return (ticket.won, ticket.lane) if ticket else ("", "")


def _gifts(actor: Actor) -> list[Gift]:
    rows = list(access.own_gifts(actor).select_related("campaign", "place").order_by("-pk")[:_MOST])
    handed = {
        one.allotment_id: one
        for one in HandOver.objects.filter(allotment__in=rows, undone_at=None).select_related("place")
    }
    return [_gift(row, handed.get(row.pk)) for row in rows]


def _last_handing(row: Allotment) -> HandOver | None:
    return HandOver.objects.filter(allotment=row, undone_at=None).select_related("place").first()


def _gift(row: Allotment, handed: HandOver | None) -> Gift:
    policy: SharingPolicy = current("gifts.sharing").data
    kind = policy.kind(row.campaign.kind)
    is_on = row.deputy_until is not None and row.deputy_until > clock.now()
    return Gift(
        public_id=row.public_id,
        campaign=row.campaign.public_id,
        title=row.campaign.title,
        what=row.campaign.what,
        icon=kind.icon if kind else "gift",
        number=row.number,
        why=_(states.WHY[row.why]),
        state=row.state,
        label=_(states.ALLOTMENT_LABELS[row.state]),
        glyph=states.ALLOTMENT_GLYPHS[row.state],
        until=row.until,
        place=row.place.name if row.place else "",
        handed_at=handed.at if handed else None,
        handed_where=handed.place.name if handed else "",
        to_deputy=handed.to_deputy if handed else False,
        deputy_number=(row.deputy_number or "") if is_on else "",
        deputy_until=row.deputy_until if is_on else None,
    )


def _offers(actor: Actor) -> list[Offer]:
    policy: SharingPolicy = current("gifts.sharing").data
    mine = Entry.objects.filter(campaign=OuterRef("pk"), person_id=actor.person_id or 0)
    now = clock.now()
    rows = access.shown(actor).filter(way=states.BY_DRAW).exclude(state=states.ENDED)
    is_open = Case(When(state=states.OPEN, ends_at__gt=now, then=Value(0)), default=Value(1))
    # What is over for long and was never the rider's is nobody's news.
    rows = rows.annotate(entered=Exists(mine), turn=is_open).filter(Q(collect_until__gt=now) | Q(entered=True))
    found = rows.order_by("turn", "ends_at", "pk")[:_LOOKED_AT]
    return [_offer(row, row.entered, policy) for row in found if access.is_for(row, actor)][:_MOST]


def _offer(row: Campaign, is_entered: bool, policy: SharingPolicy) -> Offer:
    kind = policy.kind(row.kind)
    now = clock.now()
    return Offer(
        public_id=row.public_id,
        title=row.title,
        what=row.what,
        icon=kind.icon if kind else "gift",
        kits=row.usable,
        ends_at=row.ends_at,
        state=row.state,
        label=_(states.LABELS[row.state]),
        glyph=states.GLYPHS[row.state],
        is_entered=is_entered,
        may_enter=row.state == states.OPEN and row.way == states.BY_DRAW and row.starts_at <= now < row.ends_at,
    )


def _spots(row: Campaign, *, only_with: bool) -> list[Spot]:
    """Places of the campaign's division; those that are open now first."""
    lies = Stock.objects.filter(campaign=row, place=OuterRef("pk"), count__gte=1)
    rows = Place.objects.filter(is_active=True, division__path__startswith=row.division.path)
    rows = rows.annotate(has=Exists(lies))
    if only_with:
        rows = rows.filter(has=True)
    now = clock.now()
    found = [
        Spot(
            public_id=one.public_id,
            name=one.name,
            kind=_(states.PLACE_KINDS[one.kind]),
            address=one.address,
            hours=hours_in_words(one.hours),
            is_open=hours.is_open(one.hours, now),
            lat=one.lat,
            lng=one.lng,
            has=one.has,
        )
        for one in rows.order_by("division__path", "name")[:PLACES_MAX]
    ]
    return sorted(found, key=lambda spot: not spot.is_open)


def platform_names() -> dict[str, str]:
    """Code → name. One query."""
    return {one.code: one.name for one in employers()}


def hours_in_words(expression: str) -> str:
    """An expression as people say it: 周一至周五 09:00-18:00."""
    names = [_("周一"), _("周二"), _("周三"), _("周四"), _("周五"), _("周六"), _("周日")]
    parts = []
    for stretch in hours.week(expression):
        if not stretch.hours:
            continue
        if (stretch.first, stretch.last) == (0, 6):
            days = _("每天")
        elif stretch.first == stretch.last:
            days = names[stretch.first]
        else:
            days = _("%(first)s至%(last)s") % {"first": names[stretch.first], "last": names[stretch.last]}
        times = "、".join(f"{since:%H:%M}-{until:%H:%M}" for since, until in stretch.hours)
        parts.append(f"{days} {_('全天') if stretch.is_all_day else times}")
    return "；".join(parts)
