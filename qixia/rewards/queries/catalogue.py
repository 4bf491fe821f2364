"""What points buy, for riders, for administrators and for packages that reserve in somebody's name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Case, Count, F, Q, Value, When

from qixia.kernel import clock
from qixia.people.access import Actor
from qixia.rewards import states
from qixia.rewards.access import shown_item, shown_items
from qixia.rewards.models import Item, Voucher
from qixia.rewards.queries.money import yuan
from qixia.rewards.queries.purse import balance


@dataclass(frozen=True, slots=True)
class Good:
    """One item as a rider sees it. `short_of` is how many points are still missing (0: affordable)."""

    public_id: str
    name: str
    summary: str
    kind: str
    need: str
    need_label: str
    price: int
    face_value_fen: int | None
    stock: int
    limit: int | None
    limit_days: int | None
    merchant: str
    valid_days: int
    picture: str
    terms: str
    short_of: int
    mine: int
    rest_after: int

    @property
    def value(self) -> str:
        return yuan(self.face_value_fen)

    @property
    def limit_is_reached(self) -> bool:
        return self.limit is not None and self.mine >= self.limit

    @property
    def is_available(self) -> bool:
        return self.stock > 0 and not self.limit_is_reached and not self.short_of


def goods(actor: Actor, *, need: str = "", purse: int | None = None) -> list[Good]:
    """Items on offer, affordable and available ones first. Two queries, three when `purse` is not given."""
    have = balance(actor.ref) if purse is None else purse
    found = shown_items()
    if need == "reach":
        found = found.filter(price__lte=have, stock__gte=1)
    elif need:
        found = found.filter(need=need)
    items = list(found)
    mine = _mine(actor, items)
    return sorted((_good(item, have, mine.get(item.pk, 0)) for item in items), key=lambda good: good.stock == 0)


def good(actor: Actor, public_id: str) -> Good:
    item = shown_item(public_id)
    return _good(item, balance(actor.ref), _mine(actor, [item]).get(item.pk, 0))


def _mine(actor: Actor, items: Sequence[Item]) -> dict[int, int]:
    """How many of each item count against the actor's limit now."""
    limited = [item for item in items if item.limit_per_person is not None]
    if not limited or actor.person_id is None:
        return {}
    now = clock.now()
    since = Case(
        *(
            When(item_id=item.pk, then=Value(now - timedelta(days=item.limit_days)))
            for item in limited
            if item.limit_days is not None
        ),
        default=Value(datetime(2000, 1, 1, tzinfo=now.tzinfo)),
    )
    rows = (
        Voucher.objects.filter(Voucher.COUNTS, person_id=actor.person_id, item__in=limited)
        .annotate(since=since)
        .filter(created_at__gt=F("since"))
        .order_by()
        .values_list("item_id")
        .annotate(count=Count("id"))
    )
    return dict(rows)


def _good(item: Item, have: int, mine: int) -> Good:
    return Good(
        public_id=item.public_id,
        name=item.name,
        summary=item.summary,
        kind=item.kind,
        need=item.need,
        need_label=item.get_need_display(),
        price=item.price,
        face_value_fen=item.face_value_fen,
        stock=item.stock,
        limit=item.limit_per_person,
        limit_days=item.limit_days,
        merchant=item.merchant.name,
        valid_days=item.valid_days,
        picture=f"rewards/good-{item.picture}.svg",
        terms=item.terms,
        short_of=max(item.price - have, 0),
        mine=mine,
        rest_after=max(have - item.price, 0),
    )


@dataclass(frozen=True, slots=True)
class Offer:
    """One item on offer, for packages above that reserve in somebody's name (the demo, benches)."""

    public_id: str
    name: str
    price: int
    stock: int
    merchant_code: str


def offers() -> list[Offer]:
    """All items on offer, in the catalogue's order. One query."""
    rows = shown_items().values_list("public_id", "name", "price", "stock", "merchant__code")
    return [Offer(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class StockLine:
    """One item as an administrator sees it."""

    public_id: str
    name: str
    kind_label: str
    merchant: str
    price: int
    stock: int
    waiting: int
    used: int
    active: bool
    picture: str


def stock_lines() -> list[StockLine]:
    """The whole catalogue with what is out: two queries."""
    items = Item.objects.select_related("merchant").order_by("-active", "order", "id")
    counts = {
        row["item_id"]: row
        for row in Voucher.objects.order_by()
        .values("item_id")
        .annotate(
            waiting=Count("id", filter=Q(state__in=states.USABLE)), used=Count("id", filter=Q(state=states.REDEEMED))
        )
    }
    none = {"waiting": 0, "used": 0}
    return [
        StockLine(
            public_id=item.public_id,
            name=item.name,
            kind_label=item.get_kind_display(),
            merchant=item.merchant.name,
            price=item.price,
            stock=item.stock,
            waiting=counts.get(item.pk, none)["waiting"],
            used=counts.get(item.pk, none)["used"],
            active=item.active,
            picture=f"rewards/good-{item.picture}.svg",
        )
        for item in items
    ]


def item_for_edit(public_id: str) -> Item | None:
    return Item.objects.filter(public_id=public_id).first()
