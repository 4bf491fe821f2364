"""One shop as riders see it, and the list of ten."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.translation import gettext as _

from qixia.kernel import clock
from qixia.kernel.geo import Point
from qixia.merchants import access, errors, rules
from qixia.merchants.models import Alliance
from qixia.merchants.queries.finding import Card, card_of, kind_counts
from qixia.merchants.queries.rating import Use, uses_to_rate
from qixia.merchants.queries.words import perks_of, week_of
from qixia.people.access import Actor
from qixia.policy.queries import current


@dataclass(frozen=True, slots=True)
class ShopView:
    card: Card
    lat: float
    lng: float
    phone: str
    week: list[tuple[str, str]]
    alliances: list[tuple[str, int]]  # name, how many shops
    uses: list[Use]


def page_of(organisation_id: int) -> str:
    """The address of a shop's page; "" for one that riders do not see. One query."""
    public_id = access.shown().filter(organisation_id=organisation_id).values_list("public_id", flat=True).first()
    return reverse("merchants:shop", args=[public_id]) if public_id else ""


def shop(actor: Actor, public_id: str, here: Point | None = None) -> ShopView:
    """What a rider sees of one shop; NoSuchMerchant for one that is not active. Five queries."""
    row = access.shown().select_related("organisation").filter(public_id=public_id).first()
    if row is None:
        raise errors.NoSuchMerchant
    perks = perks_of([row.pk]).get(row.pk, [])
    live = Q(members__left_at=None, members__merchant__state="active")
    alliances = Alliance.objects.filter(members__merchant=row, members__left_at=None).values_list("pk", flat=True)
    counted = Alliance.objects.filter(pk__in=alliances).annotate(n=Count("members", filter=live)).order_by("name")
    return ShopView(
        card=card_of(row, here, clock.now(), perks),
        lat=row.lat,
        lng=row.lng,
        phone=row.phone,
        week=week_of(row.hours),
        alliances=list(counted.values_list("name", "n")),
        uses=uses_to_rate(actor, row),
    )


@dataclass(frozen=True, slots=True)
class TenLine:
    """`query` selects the list of shops; `link` leads elsewhere instead. `count` is None for a link."""

    slug: str
    title: str
    words: str
    icon: str
    query: str
    link: str
    count: int | None


def list_of_ten() -> list[TenLine]:
    """美好生活十件事. One query."""
    data: rules.LifeList = current("merchants.life_list").data
    kinds = kind_counts()
    found = []
    for one in data.services:
        count = sum(kind.count for kind in kinds if one.kind == kind.slug or (one.need and one.need == kind.need))
        query = f"kind={one.kind}" if one.kind else f"need={one.need}"
        found.append(
            TenLine(
                slug=one.slug,
                title=_(one.title),
                words=_(one.words),
                icon=one.icon,
                query="" if one.link else query,
                link=one.link,
                count=None if one.link else count,
            )
        )
    return found
