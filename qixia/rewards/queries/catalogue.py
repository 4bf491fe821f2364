"""What points buy, for riders and for packages that reserve in somebody's name. The console's side is in keeping.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Case, Count, F, Min, Value, When

from qixia.kernel import clock, hours
from qixia.media.access import ANYONE, picture_url
from qixia.people.access import Actor
from qixia.rewards.access import shown_item, shown_items
from qixia.rewards.models import Item, Slot, Voucher
from qixia.rewards.queries.eligible import lacks_of, rule_of, rule_words
from qixia.rewards.queries.lines import InLine, lines_of
from qixia.rewards.queries.money import yuan
from qixia.rewards.queries.purse import balance
from qixia.rewards.queries.terms import booking_terms
from qixia.rewards.queries.words import day_words, off_words, window_words


@dataclass(frozen=True, slots=True)
class Good:
    """One item as a rider sees it. `short_of` is how many points are still missing (0: affordable); `lacks` says what
    else is missing; `next_time` is the first free time of what is booked; `line` is the own place in its line."""

    public_id: str
    name: str
    summary: str
    kind: str
    kind_label: str
    need: str
    need_label: str
    price: int
    face_value_fen: int | None
    stock: int
    limit: int | None
    limit_days: int | None
    merchant: str
    merchant_id: int
    valid_days: int
    picture: str
    photo: str
    photo_alt: str
    terms: str
    where: str
    windows: str
    is_in_window: bool
    off: str
    least_fen: int | None
    parts: int
    by_amount: bool
    has_slots: bool
    next_time: datetime | None
    short_of: int
    mine: int
    rest_after: int
    lacks: tuple[str, ...]
    line: InLine | None
    keeps_time: bool = False  # one of its times is kept for this rider

    @property
    def value(self) -> str:
        return yuan(self.face_value_fen)

    @property
    def least(self) -> str:
        return yuan(self.least_fen)

    @property
    def limit_is_reached(self) -> bool:
        return self.limit is not None and self.mine >= self.limit

    @property
    def is_kept(self) -> bool:
        """Kept for this rider, whatever the stock says."""
        return self.line is not None and self.line.is_offered

    @property
    def is_out(self) -> bool:
        """Nothing is free: no piece, or no time."""
        if self.is_kept or self.keeps_time:
            return False
        return self.stock == 0 or (self.has_slots and self.next_time is None)

    @property
    def is_available(self) -> bool:
        return not (self.is_out or self.limit_is_reached or self.short_of or self.lacks)

    @property
    def may_wait(self) -> bool:
        """Whether standing in line is open to this rider; points are asked for later."""
        return not (self.limit_is_reached or self.lacks)

    @property
    def next_words(self) -> str:
        """ "明天 09:00" """
        if self.next_time is None:
            return ""
        at = clock.city_time(self.next_time)
        return f"{day_words(at.date(), clock.city_date(clock.now()))} {at:%H:%M}"


def goods(actor: Actor, *, need: str = "", purse: int | None = None) -> list[Good]:
    """Items on offer, available ones first. A constant number of queries: eight at most."""
    have = balance(actor.ref) if purse is None else purse
    found = shown_items()
    if need == "reach":
        found = found.filter(price__lte=have, stock__gte=1)
    elif need:
        found = found.filter(need=need)
    made = _goods(actor, list(found), have)
    if need == "reach":
        made = [good for good in made if not (good.lacks or good.is_out)]
    return sorted(made, key=lambda good: good.is_out)


def good(actor: Actor, public_id: str) -> Good:
    return _goods(actor, [shown_item(public_id)], balance(actor.ref))[0]


def conditions(public_id: str) -> list[str]:
    """What an item asks of a rider, line by line."""
    return rule_words(rule_of(shown_item(public_id)))


def _goods(actor: Actor, items: Sequence[Item], have: int) -> list[Good]:
    mine, lacks, times = _mine(actor, items), lacks_of(actor, items), _next_times(items)
    found = lines_of(actor, [item.pk for item in items])
    lines = {line.item: line for line in found if not line.slot}
    kept = {line.item for line in found if line.slot and line.is_offered}
    return [
        _good(
            item,
            have,
            mine=mine.get(item.pk, 0),
            lacks=lacks.get(item.pk, []),
            next_time=times.get(item.pk),
            line=lines.get(item.public_id),
            keeps_time=item.public_id in kept,
        )
        for item in items
    ]


def _next_times(items: Iterable[Item]) -> dict[int, datetime]:
    """The first time at which somebody may still book. No query without such items."""
    booked = [item.pk for item in items if item.has_slots]
    if not booked:
        return {}
    terms, now = booking_terms(), clock.now()
    free = Slot.objects.filter(
        item_id__in=booked,
        closed_at=None,
        taken__lt=F("capacity"),
        starts_at__gt=now + timedelta(minutes=terms.book_until_minutes),
        starts_at__lt=clock.city_day(clock.city_date(now) + timedelta(days=terms.book_days))[1],
    )
    return dict(free.order_by().values_list("item_id").annotate(first=Min("starts_at")))


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


def _good(
    item: Item,
    have: int,
    *,
    mine: int,
    lacks: Sequence[str],
    next_time: datetime | None,
    line: InLine | None,
    keeps_time: bool,
) -> Good:
    return Good(
        public_id=item.public_id,
        name=item.name,
        summary=item.summary,
        kind=item.kind,
        kind_label=item.get_kind_display(),
        need=item.need,
        need_label=item.get_need_display(),
        price=item.price,
        face_value_fen=item.face_value_fen,
        stock=item.stock,
        limit=item.limit_per_person,
        limit_days=item.limit_days,
        merchant=item.merchant.name,
        merchant_id=item.merchant_id,
        valid_days=item.valid_days,
        picture=drawing_of(item),
        photo=photo_of(item),
        photo_alt=item.photo_alt,
        terms=item.terms,
        where=item.where,
        windows=window_words(item.windows),
        is_in_window=not item.windows or hours.is_open(item.windows, clock.now()),
        off=off_words(item.percent_off),
        least_fen=item.least_fen,
        parts=item.parts,
        by_amount=item.by_amount,
        has_slots=item.has_slots,
        next_time=next_time,
        short_of=max(item.price - have, 0),
        mine=mine,
        rest_after=max(have - item.price, 0),
        lacks=tuple(lacks),
        line=line,
        keeps_time=keeps_time,
    )


def drawing_of(item: Item) -> str:
    """The drawn picture, below the static files."""
    return f"rewards/good-{item.picture}.svg"


def photo_of(item: Item) -> str:
    """The address of the photo, for anybody; "" while there is none to see. Of an item read with its photo: no query."""
    photo = item.photo
    return picture_url(photo.public_id, "phone", ANYONE) if photo is not None and photo.state == "ready" else ""


@dataclass(frozen=True, slots=True)
class Offer:
    """One item on offer, for packages above that reserve in somebody's name (the demo, benches)."""

    public_id: str
    name: str
    price: int
    stock: int
    merchant_code: str


def offers() -> list[Offer]:
    """All items on offer that need no time, in the catalogue's order. One query."""
    rows = shown_items().filter(has_slots=False)
    return [Offer(*row) for row in rows.values_list("public_id", "name", "price", "stock", "merchant__code")]


# ── where the page of a shop is ──────────────────────────────────────────────

_shop_pages: list[Callable[[int], str]] = []


def register_shop_page(find: Callable[[int], str]) -> None:
    """A package above says where the page of a shop (key of the organisation) is; "" for a shop without one."""
    _shop_pages[:] = [find]


def shop_page(merchant_id: int) -> str:
    return _shop_pages[0](merchant_id) if _shop_pages else ""
