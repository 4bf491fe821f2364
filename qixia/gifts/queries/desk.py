"""What the desk sees: campaigns with their numbers, stock by place, entrants as codes, hand-overs, donors, places."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, Sum
from django.utils.translation import gettext as _

from qixia.codes.queries import divisions_under
from qixia.gifts import access, states
from qixia.gifts.models import Allotment, Campaign, Donation, Donor, Draw, Entry, HandOver, Helper, Move, Place, Stock
from qixia.gifts.queries.draws import Check, check_row
from qixia.gifts.queries.rider import hours_in_words, platform_names
from qixia.gifts.rules import SharingPolicy
from qixia.kernel import clock, hours
from qixia.kernel.errors import Invalid
from qixia.kernel.ids import is_row_key
from qixia.people.access import Actor
from qixia.people.queries import display_names_for, organisations_by_id
from qixia.policy.queries import current
from qixia.ui.paging import Page

PAGE = 50


@dataclass(frozen=True, slots=True)
class Line:
    """A campaign in the list."""

    public_id: str
    title: str
    kind: str
    way: str
    place: str
    label: str
    glyph: str
    starts_at: datetime
    ends_at: datetime
    usable: int
    allotted: int
    handed: int
    entrants: int


@dataclass(frozen=True, slots=True)
class DonationLine:
    public_id: str
    donor: str
    donor_id: str
    what: str
    count: int
    value_fen: int
    received: int


@dataclass(frozen=True, slots=True)
class Case:
    """One campaign with all that is decided about."""

    line: Line
    row: Campaign
    donations: list[DonationLine]
    draws: list[Check]
    platforms: list[str]
    valued_by_me: bool
    counts: dict[str, int]
    free: int
    lacking: int  # promised, and what was to be handed over broke or was never there
    may_lead: bool
    may_draw_again: bool
    may_promise_anew: bool
    waits_for_time: bool
    needs_waiting: int


@dataclass(frozen=True, slots=True)
class Shelf:
    """A place and what it has of a campaign. `short` is how many more are promised there than lie there."""

    public_id: str
    name: str
    kind: str
    lies: int
    wanted: int
    handed: int
    short: int
    stocks: list[tuple[str, str, int]]  # donation, what it is, how many


@dataclass(frozen=True, slots=True)
class MoveLine:
    at: datetime
    kind: str
    place: str
    donor: str
    delta: int
    note: str
    by: str


@dataclass(frozen=True, slots=True)
class EntrantLine:
    code: str
    place: str
    platform: str
    need: str
    need_state: str
    at: datetime


@dataclass(frozen=True, slots=True)
class HandLine:
    public_id: str
    campaign: str
    place: str
    by: str
    at: datetime
    is_signed: bool
    is_paper: bool
    to_deputy: bool
    undone_at: datetime | None
    reason: str
    may_undo: bool


@dataclass(frozen=True, slots=True)
class DonorLine:
    public_id: str
    name: str
    thanks: str
    donations: int
    kits: int
    value_fen: int


@dataclass(frozen=True, slots=True)
class PlaceLine:
    public_id: str
    name: str
    kind: str
    community: str
    address: str
    hours: str
    is_active: bool
    lies: int
    helpers: list[str]  # public ids of those who are named


@dataclass(frozen=True, slots=True)
class Lying:
    """What lies at a place, of one donation."""

    campaign: str
    campaign_id: str
    donation_id: str
    what: str
    count: int
    may_count: bool


@dataclass(frozen=True, slots=True)
class PlacePage:
    """`opening` as somebody may type it again, `organisation` its code."""

    row: Place
    opening: str
    organisation: str
    shelves: list[Lying]
    may_lead: bool


def campaigns(actor: Actor, after: str = "") -> Page[Line]:
    """The latest first. Three queries."""
    rows = access.on_desk(actor).select_related("division").order_by("-pk")
    if is_row_key(after):
        rows = rows.filter(pk__lt=int(after))
    found = list(rows[: PAGE + 1])
    shown = found[:PAGE]
    handed = _counted(Allotment.objects.filter(campaign__in=shown, state=states.HANDED))
    entered = _counted(Entry.objects.filter(campaign__in=shown))
    lines = [_line(row, handed.get(row.pk, 0), entered.get(row.pk, 0)) for row in shown]
    return Page(lines, after=str(shown[-1].pk) if len(found) > PAGE else None)


def campaign_case(actor: Actor, public_id: str) -> Case:
    row = access.seen(actor, public_id)
    counted = dict(
        Allotment.objects.filter(campaign=row)
        .order_by()
        .values_list("state")
        .annotate(n=Count("pk"))
        .values_list("state", "n")
    )
    draws = list(Draw.objects.filter(campaign=row).order_by("number"))
    may_lead = actor.covers(row.division.path, *access.ORGANISERS)
    now = clock.now()
    entered = Entry.objects.filter(campaign=row)
    return Case(
        line=_line(row, counted.get(states.HANDED, 0), entered.count()),
        row=row,
        donations=_donations(row),
        draws=[check_row(one) for one in draws],
        platforms=[platform_names().get(code, code) for code in row.platforms],
        valued_by_me=bool(draws) and draws[-1].valued_by == actor.ref,
        counts={state: counted.get(state, 0) for state in states.ALLOTMENT_STATES},
        free=max(row.usable - row.allotted, 0),
        lacking=max(row.allotted - row.usable, 0) if row.state != states.ENDED else 0,
        may_lead=may_lead,
        may_draw_again=may_lead
        and row.way == states.BY_DRAW
        and row.state == states.GIVING
        and row.usable > row.allotted
        and row.collect_until <= now,
        may_promise_anew=may_lead
        and row.state == states.SHARING
        and bool(draws)
        and draws[-1].state in states.DRAW_STEPS["promise_anew"],
        waits_for_time=bool(draws) and draws[-1].source_at > now,
        needs_waiting=entered.filter(need_state=states.SAID).count(),
    )


def stock_of(actor: Actor, public_id: str, after: str = "") -> tuple[Campaign, list[Shelf], Page[MoveLine]]:
    """Shelves by place and the latest moves. Seven queries."""
    row = access.seen(actor, public_id)
    places = {one.pk: one for one in Place.objects.filter(division__path__startswith=row.division.path)}
    stocks: dict[int, list[tuple[str, str, int]]] = {}
    lying = Stock.objects.filter(campaign=row, count__gte=1).order_by("donation_id")
    for at, donation, donor, what, count in lying.values_list(
        "place_id", "donation__public_id", "donation__donor__name", "donation__what", "count"
    ):
        stocks.setdefault(at, []).append((donation, f"{donor} · {what}", count))
    wanted = _by_place(Allotment.objects.filter(campaign=row, state=states.OPEN), "place")
    handed = _by_place(HandOver.objects.filter(allotment__campaign=row, undone_at=None), "place")
    shelves = []
    for pk, place in places.items():
        lies = sum(count for _id, _what, count in stocks.get(pk, ()))
        if lies or wanted.get(pk) or handed.get(pk):
            shelves.append(
                Shelf(
                    place.public_id,
                    place.name,
                    _(states.PLACE_KINDS[place.kind]),
                    lies,
                    wanted.get(pk, 0),
                    handed.get(pk, 0),
                    max(wanted.get(pk, 0) - lies, 0),
                    stocks.get(pk, []),
                )
            )
    shelves.sort(key=lambda shelf: (-shelf.short, shelf.name))
    return row, shelves, _moves(row, after)


def entrants(actor: Actor, public_id: str, after: str = "", only: str = "") -> tuple[Campaign, Page[EntrantLine]]:
    """Codes, never names. `only` "said": needs that wait for a look. Three queries."""
    row = access.seen(actor, public_id)
    policy: SharingPolicy = current("gifts.sharing").data
    rows = Entry.objects.filter(campaign=row).select_related("place").order_by("pk")
    if only == states.SAID:
        rows = rows.filter(need_state=states.SAID)
    if is_row_key(after):
        rows = rows.filter(pk__gt=int(after))
    found = list(rows[: PAGE + 1])
    names, lines = platform_names(), []
    for one in found[:PAGE]:
        need = policy.need(one.need)
        lines.append(
            EntrantLine(
                one.code,
                one.place.name,
                names.get(one.platform, one.platform),
                _(need.title) if need else "",
                one.need_state,
                one.at,
            )
        )
    return row, Page(lines, after=str(found[PAGE - 1].pk) if len(found) > PAGE else None)


def handed(actor: Actor, after: str = "") -> Page[HandLine]:
    """Hand-overs at the actor's places, the latest first. Two queries."""
    policy: SharingPolicy = current("gifts.sharing").data
    rows = HandOver.objects.filter(place__in=access.led_places(actor)).select_related(
        "allotment__campaign", "place", "paper"
    )
    rows = rows.order_by("-pk")
    if is_row_key(after):
        rows = rows.filter(pk__lt=int(after))
    found = list(rows[: PAGE + 1])
    shown = found[:PAGE]
    names = _names([row.by for row in shown])
    since = clock.now() - timedelta(hours=policy.undo_hours)
    lines = [
        HandLine(
            public_id=row.public_id,
            campaign=row.allotment.campaign.title,
            place=row.place.name,
            by=names.get(row.by, ""),
            at=row.at,
            is_signed=row.is_signed,
            is_paper=row.paper_id is not None,
            to_deputy=row.to_deputy,
            undone_at=row.undone_at,
            reason=row.reason,
            may_undo=row.undone_at is None
            and ((row.paper.done_at if row.paper else None) or row.at) >= since
            and row.by != actor.ref
            and actor.has(*access.SUPERVISORS)
            and row.allotment.campaign.state != states.ENDED,
        )
        for row in shown
    ]
    return Page(lines, after=str(shown[-1].pk) if len(found) > PAGE else None)


def donors(after: str = "") -> Page[DonorLine]:
    rows = Donor.objects.order_by("pk").annotate(
        n=Count("donations"), kits=Sum("donations__count"), worth=Sum("donations__value_fen")
    )
    if is_row_key(after):
        rows = rows.filter(pk__gt=int(after))
    found = list(rows[: PAGE + 1])
    lines = [
        DonorLine(row.public_id, row.name, row.thanks, row.n, row.kits or 0, row.worth or 0) for row in found[:PAGE]
    ]
    return Page(lines, after=str(found[PAGE - 1].pk) if len(found) > PAGE else None)


def place_rows(actor: Actor) -> list[PlaceLine]:
    """Places of the actor's divisions with what lies there, and who helps. Three queries."""
    rows = list(access.led_places(actor).select_related("division").order_by("division__path", "name")[:300])
    lies = dict(Stock.objects.filter(place__in=rows).order_by().values_list("place").annotate(n=Sum("count")))
    helpers: dict[int, list[str]] = {}
    named = Helper.objects.filter(place__in=rows, ended_at=None).order_by("pk")
    for place, public_id in named.values_list("place_id", "public_id"):
        helpers.setdefault(place, []).append(public_id)
    return [
        PlaceLine(
            public_id=row.public_id,
            name=row.name,
            kind=_(states.PLACE_KINDS[row.kind]),
            community=row.division.name,
            address=row.address,
            hours=hours_in_words(row.hours),
            is_active=row.is_active,
            lies=lies.get(row.pk, 0),
            helpers=helpers.get(row.pk, []),
        )
        for row in rows
    ]


def place_page(actor: Actor, public_id: str) -> PlacePage:
    """One place with what lies there. Three queries."""
    row = access.led_place(actor, public_id, *access.DESK)
    stocks = Stock.objects.filter(~Q(campaign__state=states.ENDED) | Q(count__gte=1), place=row)
    stocks = stocks.select_related("campaign__division", "donation__donor").order_by("-campaign_id", "donation_id")
    may_lead = actor.covers(row.division.path, *access.ORGANISERS)
    return PlacePage(
        row=row,
        opening=_typed(row.hours),
        organisation=_code_of(row.organisation_id),
        shelves=[
            Lying(
                campaign=one.campaign.title,
                campaign_id=one.campaign.public_id,
                donation_id=one.donation.public_id,
                what=f"{one.donation.donor.name} · {one.donation.what}",
                count=one.count,
                may_count=may_lead and actor.covers(one.campaign.division.path, *access.ORGANISERS),
            )
            for one in stocks[:PAGE]
        ],
        may_lead=may_lead,
    )


def _typed(expression: str) -> str:
    """Opening hours as people type them, if that says the same."""
    words = hours_in_words(expression)
    try:
        return words if hours.parse(words) == expression else expression
    except Invalid:
        return expression


def _code_of(organisation_id: int) -> str:
    return next((one.code for one in organisations_by_id([organisation_id]).values()), "")


def organisers_places(actor: Actor) -> list[tuple[str, str]]:
    """(code, name) of divisions for which the actor may make a campaign. One query."""
    rows = divisions_under(actor.paths(*access.ORGANISERS), "city", "district", "street", "community")
    return [(row.code, row.name) for row in rows]


def my_places(actor: Actor) -> list[tuple[str, str, int]]:
    """(public id, name, kits there) of where the actor hands over. One query."""
    rows = access.hand_places(actor).order_by("name")[:PAGE]
    lying = dict(
        Stock.objects.filter(place__in=[row.pk for row in rows], campaign__state__in=(states.OPEN, states.GIVING))
        .order_by()
        .values_list("place")
        .annotate(n=Sum("count"))
    )
    return [(row.public_id, row.name, lying.get(row.pk, 0)) for row in rows]


def _line(row: Campaign, handed: int, entered: int) -> Line:
    policy: SharingPolicy = current("gifts.sharing").data
    kind = policy.kind(row.kind)
    return Line(
        public_id=row.public_id,
        title=row.title,
        kind=_(kind.title) if kind else row.kind,
        way=_("摇号") if row.way == states.BY_DRAW else _("入会就有"),
        place=row.division.name,
        label=_(states.LABELS[row.state]),
        glyph=states.GLYPHS[row.state],
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        usable=row.usable,
        allotted=row.allotted,
        handed=handed,
        entrants=entered,
    )


def _donations(row: Campaign) -> list[DonationLine]:
    rows = Donation.objects.filter(campaign=row).select_related("donor").order_by("pk")
    come = dict(
        Move.objects.filter(campaign=row, kind=states.RECEIVED)
        .order_by()
        .values_list("donation")
        .annotate(n=Sum("delta"))
    )
    return [
        DonationLine(
            one.public_id, one.donor.name, one.donor.public_id, one.what, one.count, one.value_fen, come.get(one.pk, 0)
        )
        for one in rows
    ]


def _moves(row: Campaign, after: str) -> Page[MoveLine]:
    """Everything but single hand-overs, which have a list of their own."""
    rows = Move.objects.filter(~Q(kind__in=(states.GIVEN, states.UNDONE)), campaign=row)
    rows = rows.select_related("place", "donation__donor").order_by("-pk")
    if is_row_key(after):
        rows = rows.filter(pk__lt=int(after))
    found = list(rows[: PAGE + 1])
    shown = found[:PAGE]
    names = _names([one.by for one in shown])
    lines = [
        MoveLine(
            one.at,
            _(states.MOVE_LABELS[one.kind]),
            one.place.name,
            one.donation.donor.name,
            one.delta,
            one.note,
            names.get(one.by, ""),
        )
        for one in shown
    ]
    return Page(lines, after=str(shown[-1].pk) if len(found) > PAGE else None)


def _names(refs: list[str]) -> dict[str, str]:
    known = display_names_for(ref.removeprefix("person:") for ref in refs)
    return {f"person:{public_id}": name for public_id, name in known.items()}


def _counted(rows: object) -> dict[int, int]:
    assert hasattr(rows, "order_by")
    return dict(rows.order_by().values_list("campaign").annotate(n=Count("pk")).values_list("campaign", "n"))


def _by_place(rows: object, field: str) -> dict[int, int]:
    assert hasattr(rows, "order_by")
    return dict(rows.order_by().values_list(field).annotate(n=Count("pk")).values_list(field, "n"))
