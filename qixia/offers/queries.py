"""Offers as the people see them for whom they are."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from qixia.kernel import clock
from qixia.kernel.errors import NotFound
from qixia.kernel.geo import Point, distance_m
from qixia.offers import access, kinds, states
from qixia.offers.models import Offer
from qixia.offers.rules import OffersPolicy
from qixia.people.access import Actor
from qixia.policy.queries import current

_DEGREE_M = 111_320
_MOST_READ = 400  # rows that one list looks at; a city square with more shows the ones that end first


@dataclass(frozen=True, slots=True)
class OfferCard:
    """One line of the list. `distance_m` is None where the reader's position is not known; `subject` is for the
    package that made the offer, never for a page."""

    public_id: str
    subject: str
    title: str
    icon: str
    place: str
    lat: float
    lng: float
    radius_m: int
    points: int
    closes_at: datetime
    lease_until: datetime | None
    distance_m: int | None
    do_url: str


def offers_near(actor: Actor, here: Point | None = None) -> list[OfferCard]:
    """What the actor may take: nearest first, or what ends first where no position is known. One query."""
    policy: OffersPolicy = current("offers.offers").data
    rows = access.on_offer(actor).filter(state=states.OPEN)
    if here is not None:
        rows = rows.filter(**_around(here, policy.near_m))
    found = [row for row in rows.order_by("closes_at", "pk")[:_MOST_READ] if access.fits(actor, row)]
    cards = [_card(row, here) for row in found]
    if here is not None:
        cards = [card for card in cards if (card.distance_m or 0) <= policy.near_m]
        cards.sort(key=lambda card: card.distance_m or 0)
    return cards[: policy.most_shown]


def held_offer(actor: Actor, public_id: str = "") -> OfferCard | None:
    """What the actor holds now, if it is the one that is asked for."""
    rows = access.held_by(actor)
    found = (rows.filter(public_id=public_id) if public_id else rows).first()
    return _card(found, None) if found else None


def must_hold(actor: Actor, public_id: str) -> OfferCard:
    """The offer in the actor's hands; NotFound for every other."""
    found = held_offer(actor, public_id) if public_id else None
    if found is None:
        raise NotFound
    return found


def live_on(subjects: Iterable[str]) -> frozenset[str]:
    """Which of these subjects have a live offer. One query."""
    rows = Offer.objects.filter(subject__in=list(subjects), state__in=states.LIVE)
    return frozenset(rows.values_list("subject", flat=True))


def _around(here: Point, metres: int) -> dict[str, float]:
    lat = metres / _DEGREE_M
    lng = lat / max(0.01, math.cos(math.radians(here.lat)))
    return {
        "lat__gte": here.lat - lat,
        "lat__lte": here.lat + lat,
        "lng__gte": here.lng - lng,
        "lng__lte": here.lng + lng,
    }


def _card(row: Offer, here: Point | None) -> OfferCard:
    kind = kinds.get(row.kind)
    return OfferCard(
        public_id=row.public_id,
        subject=row.subject,
        title=row.title,
        icon=kind.icon,
        place=row.place,
        lat=row.lat,
        lng=row.lng,
        radius_m=row.radius_m,
        points=row.points,
        closes_at=clock.city_time(row.closes_at),
        lease_until=clock.city_time(row.lease_until) if row.lease_until else None,
        distance_m=round(distance_m(here, Point(row.lat, row.lng))) if here else None,
        do_url=reverse(kind.page, args=[row.public_id]),
    )
