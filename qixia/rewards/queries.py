"""What pages and other packages may read about points and vouchers. Frozen dataclasses, made for one reader each.

Costs are stated where another page depends on them. Pages are cut by key (the id of the last row), never by offset.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Case, Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce, TruncMonth
from django.utils.translation import gettext as _

from qixia.codes.queries import class_name, class_names, triage_classes
from qixia.kernel import clock
from qixia.people.access import Actor
from qixia.people.queries import organisations_by_id
from qixia.policy import queries as policy
from qixia.rewards import rules, sealing, states
from qixia.rewards.access import merchant_ids, own_voucher, own_vouchers, shown_item, shown_items
from qixia.rewards.models import Account, Claim, Entry, Item, Posting, Promise, Refusal, Voucher

PAGE = 30
EXPIRES_SOON = timedelta(days=3)
VOUCHERS_PAGE = 40
REFUSALS = {
    "unknown": "券号不对",
    "forged": "签名不对",
    "elsewhere": "别家的券",
    "used": "重复",
    "expired": "已过期",
    "returned": "已退回",
}


def points_of(sources: Iterable[str]) -> dict[str, int]:
    """What each of these has earned by now, less what was taken back. One statement."""
    given = {sealing.stored_source(one): one for one in sources}
    rows = Posting.objects.filter(source__in=given).order_by().values_list("source").annotate(n=Sum("points"))
    return {given[source]: points for source, points in rows}


def yuan(fen: int | None) -> str:
    """分 as people write 元: 1500 → "15", 1350 → "13.50"; "" for no value."""
    if fen is None:
        return ""
    return str(fen // 100) if fen % 100 == 0 else f"{fen / 100:.2f}"


# ── purse and ledger ────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Summary:
    """For the home page and the ledger's head. Points; `owed` ≥ 0."""

    balance: int
    owed: int
    held: int
    earned_this_month: int
    open_vouchers: int
    next_expiry: datetime | None
    expiring_soon: int

    @property
    def whole(self) -> int:
        return self.balance + self.held


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a rider's ledger."""

    id: int
    kind: str
    title: str
    act: str
    points: int
    nominal: int
    balance: int
    at: datetime
    month: date
    rule: str
    version: int
    number: str
    place: str
    link: str
    reason: str
    of_day: date | None
    repaid: int
    owed: int
    reversed_on: date | None

    @property
    def day_word(self) -> str:
        """今天 or 昨天, else empty: older days are written as dates."""
        passed = (clock.city_date(clock.now()) - clock.city_date(self.at)).days
        return {0: _("今天"), 1: _("昨天")}.get(passed, "")

    @property
    def is_capped(self) -> bool:
        return self.kind == rules.AWARD and self.points < self.nominal

    @property
    def undone(self) -> int:
        """What a reversal took back."""
        return -self.points

    @property
    def style(self) -> str:
        """The end of the amount's class: in, out or rev."""
        if self.kind == rules.REVERSAL:
            return "rev"
        return "in" if self.points > 0 else "out"

    @property
    def signed(self) -> str:
        return f"+{self.points}" if self.points >= 0 else f"−{-self.points}"


@dataclass(frozen=True, slots=True)
class Month:
    """A month's sums. 得, 用 and 冲正, each ≥ 0 (what came back from vouchers lowers 用)."""

    first: date
    earned: int
    used: int
    reversed: int


@dataclass(frozen=True, slots=True)
class MonthOfRows:
    month: Month
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Page:
    months: list[MonthOfRows]
    next: int | None


def balance(owner_ref: str) -> int:
    """Points that `owner_ref` can spend now; 0 for somebody who never had any."""
    found = Account.objects.filter(owner_ref=owner_ref, kind=rules.AVAILABLE, unit=rules.POINTS)
    return found.values_list("balance", flat=True).first() or 0


def worth(rule: str) -> int:
    """What one act by `rule` earns now, before caps."""
    data: rules.PointsPolicy = policy.current("rewards.points").data
    return data.line(rule, {slug: found.name for slug, found in triage_classes().items()}).points


def balance_at(owner_ref: str, moment: datetime) -> int:
    """What could be spent at `moment`, by the time that postings carry."""
    entries = Entry.objects.filter(account__owner_ref=owner_ref, account__kind=rules.AVAILABLE, posting__at__lte=moment)
    return int(entries.aggregate(total=Sum("amount"))["total"] or 0)


def collected(owner_ref: str, kind: str) -> int:
    """The derived balance of a collecting account, over all its slots; the budget's is negative: what was issued."""
    entries = Entry.objects.filter(account__owner_ref=owner_ref, account__kind=kind)
    return int(entries.aggregate(total=Sum("amount"))["total"] or 0)


def summary_for(owner_ref: str) -> Summary:
    """Two queries, whatever the person has."""
    now = clock.now()
    month = clock.city_date(now).replace(day=1)
    earned = (
        Posting.objects.filter(beneficiary=OuterRef("owner_ref"), kind=rules.AWARD, day__gte=month)
        .order_by()
        .values("beneficiary")
        .annotate(total=Sum("points"))
        .values("total")
    )
    accounts = Account.objects.filter(owner_ref=owner_ref, unit=rules.POINTS).annotate(earned=Subquery(earned))
    pots: dict[str, int] = {}
    gained = 0
    for kind, amount, earned_by_owner in accounts.values_list("kind", "balance", "earned"):
        pots[kind] = amount or 0
        gained = earned_by_owner or 0
    waiting = Voucher.objects.filter(
        person__public_id=owner_ref.partition(":")[2], state=states.RESERVED, expires_at__gt=now
    ).values_list("expires_at", flat=True)
    expiries = sorted(waiting)
    return Summary(
        balance=pots.get(rules.AVAILABLE, 0),
        owed=-pots.get(rules.DEBT, 0),
        held=pots.get(rules.HELD, 0),
        earned_this_month=gained,
        open_vouchers=len(expiries),
        next_expiry=expiries[0] if expiries else None,
        expiring_soon=sum(1 for at in expiries if at <= now + EXPIRES_SOON),
    )


def entries_page(owner_ref: str, *, only: str = "all", before: int | None = None, size: int = PAGE) -> Page:
    """The newest `size` lines older than the posting `before`, by month, with the months' sums. Two queries.

    `only` is a key of rules.FILTERS. Sums are of the whole month, whatever the filter and the page show of it.
    """
    kinds = [kind for kind in rules.FILTERS.get(only, rules.FILTERS["all"]) if kind != rules.REDEEM]
    found = Posting.objects.filter(beneficiary=owner_ref, kind__in=kinds)
    if before is not None:
        found = found.filter(pk__lt=before)
    postings = list(found.select_related("reversed_by").order_by("-pk")[: size + 1])
    more = len(postings) > size
    rows = [_row(posting) for posting in postings[:size]]
    sums = _month_sums(owner_ref, [row.month for row in rows])
    months: list[MonthOfRows] = []
    for row in rows:
        if not months or months[-1].month.first != row.month:
            months.append(MonthOfRows(sums.get(row.month, Month(row.month, 0, 0, 0)), []))
        months[-1].rows.append(row)
    return Page(months, rows[-1].id if more else None)


def _title(rule: str, title: str) -> str:
    """What a rule is called, in the reader's language where it has a name in it: its class's, or the shipped one."""
    if title and title == class_names(rule)["zh"]:
        return class_name(rule)
    return _(title) if title else ""


def _row(posting: Posting) -> Row:
    params: dict[str, Any] = posting.params
    undone = getattr(posting, "reversed_by", None)
    return Row(
        id=posting.pk,
        kind=posting.kind,
        title=_title(posting.rule, params.get("title", "")) if posting.kind == rules.AWARD else params.get("title", ""),
        act=rules.ACTS.get(posting.act, ""),
        points=posting.points,
        nominal=posting.nominal,
        balance=posting.available_after,
        at=posting.at,
        month=posting.day.replace(day=1),
        rule=posting.rule,
        version=posting.rule_version,
        number=params.get("number", ""),
        place=params.get("place", ""),
        link=params.get("link", ""),
        reason=params.get("reason", ""),
        of_day=date.fromisoformat(params["of_day"]) if params.get("of_day") else None,
        repaid=params.get("repaid", 0),
        owed=params.get("owed", 0),
        reversed_on=undone.day if undone else None,
    )


def _month_sums(owner_ref: str, months: Sequence[date]) -> dict[date, Month]:
    """The sums of the months between the first and the last of `months`."""
    if not months:
        return {}
    after = (max(months) + timedelta(days=32)).replace(day=1)
    rows = (
        Posting.objects.filter(beneficiary=owner_ref, day__gte=min(months), day__lt=after)
        .annotate(first=TruncMonth("day"))
        .values("first")
        .annotate(
            earned=_points_of(rules.AWARD),
            used=_points_of(rules.SPEND, rules.RETURN, rules.EXPIRE),
            undone=_points_of(rules.REVERSAL),
        )
    )
    return {row["first"]: Month(row["first"], row["earned"], max(-row["used"], 0), -row["undone"]) for row in rows}


def _points_of(*kinds: str) -> Coalesce:
    return Coalesce(Sum("points", filter=Q(kind__in=kinds)), 0)


@dataclass(frozen=True, slots=True)
class Debtor:
    owner_ref: str
    owed: int


def debts(limit: int = 200) -> list[Debtor]:
    """Who owes points, most first."""
    rows = Account.objects.filter(kind=rules.DEBT, balance__lt=0).order_by("balance", "id")
    return [Debtor(ref, -(owed or 0)) for ref, owed in rows.values_list("owner_ref", "balance")[:limit]]


def claim_states(hashes: Sequence[str]) -> dict[str, str]:
    """What became of the points behind secrets, by their hashes: "waiting" (until the next day), "ready", "gone"
    (claimed). Nothing was promised to those that are missing. Two queries."""
    today = clock.city_date(clock.now())
    promised = Promise.objects.filter(claim_hash__in=hashes).values_list("claim_hash", flat=True)
    states_of = dict.fromkeys(promised, "gone")
    for found, ready_on in Claim.objects.filter(claim_hash__in=hashes).values_list("claim_hash", "ready_on"):
        states_of[found] = "ready" if ready_on <= today else "waiting"
    return states_of


# ── rules in plain words ────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class RuleLine:
    slug: str
    title: str
    points: int
    day_cap: int | None
    who: str
    note: str


@dataclass(frozen=True, slots=True)
class RuleBook:
    """The table in force, for riders: classes by family, dearest first; then acts other than reporting."""

    version: int
    valid_from: datetime
    day_cap: int | None
    cancel_returns: int
    expiry_returns: int
    families: list[tuple[str, list[RuleLine]]]
    acts: list[RuleLine]


def rule_book() -> RuleBook:
    """No query in a busy process."""
    in_force = policy.current("rewards.points")
    data: rules.PointsPolicy = in_force.data
    classes = triage_classes()
    names = {slug: found.name for slug, found in classes.items()}
    families: dict[str, list[RuleLine]] = {}
    for slug, found in classes.items():
        families.setdefault(_(found.family), []).append(_rule_line(slug, data.line(slug, names)))
    for lines in families.values():
        lines.sort(key=lambda line: -line.points)
    ordered = sorted(families.items(), key=lambda pair: -max(line.points for line in pair[1]))
    acts = [
        _rule_line(slug, data.line(slug, names))
        for slug, line in data.rules.items()
        if not (slug in classes or line.planned)
    ]
    return RuleBook(
        in_force.version,
        in_force.valid_from,
        data.day_cap,
        data.cancel_returns,
        data.expiry_returns,
        ordered,
        acts,
    )


def _rule_line(slug: str, line: rules.PointRule) -> RuleLine:
    return RuleLine(
        slug,
        _title(slug, line.title),
        line.points,
        line.day_cap,
        _(rules.WHO[line.who]),
        _(line.note) if line.note else "",
    )


# ── catalogue ───────────────────────────────────────────────────────────────


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
        Voucher.objects.filter(person_id=actor.person_id, item__in=limited, state__in=states.COUNTED)
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
            waiting=Count("id", filter=Q(state=states.RESERVED)), used=Count("id", filter=Q(state=states.REDEEMED))
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


# ── vouchers ────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Ticket:
    """One voucher as its owner sees it."""

    public_id: str
    number: str
    name: str
    state: str
    label: str
    glyph: str
    price: int
    returned: int
    face_value_fen: int | None
    merchant: str
    picture: str
    terms: str
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    cancel_returns: int
    expiry_returns: int

    @property
    def is_open(self) -> bool:
        return self.state == states.RESERVED

    @property
    def value(self) -> str:
        return yuan(self.face_value_fen)

    @property
    def back_now(self) -> int:
        return self.price * self.cancel_returns // 100

    @property
    def last_moment(self) -> datetime:
        """The last minute in which it can be used; `expires_at` is the first in which it cannot."""
        return self.expires_at - timedelta(minutes=1)


def tickets(actor: Actor) -> list[Ticket]:
    """The actor's vouchers, usable ones first (the one that expires first on top). One query."""
    rows = own_vouchers(actor).annotate(
        rank=Case(When(state=states.RESERVED, then=0), default=1, output_field=IntegerField())
    )
    found = [_ticket(row) for row in rows.order_by("rank", "-pk")[:VOUCHERS_PAGE]]
    return sorted(
        found,
        key=lambda t: (not t.is_open, t.expires_at if t.is_open else datetime.max.replace(tzinfo=t.expires_at.tzinfo)),
    )


def ticket(actor: Actor, public_id: str) -> Ticket:
    return _ticket(own_voucher(actor, public_id))


def _ticket(row: Voucher) -> Ticket:
    # The clock decides, not the job: a voucher is over the moment its time has come.
    state = states.EXPIRED if row.state == states.RESERVED and row.expires_at <= clock.now() else row.state
    data: rules.PointsPolicy = policy.current("rewards.points", row.created_at).data
    return Ticket(
        public_id=row.public_id,
        number=row.number,
        name=row.name,
        state=state,
        label=_(states.LABELS[state]),
        glyph=states.GLYPHS[state],
        price=row.price,
        returned=row.returned,
        face_value_fen=row.face_value_fen,
        merchant=row.merchant.name,
        picture=f"rewards/good-{row.item.picture}.svg",
        terms=row.item.terms,
        created_at=row.created_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        cancel_returns=data.cancel_returns,
        expiry_returns=data.expiry_returns,
    )


def code_parts(actor: Actor, public_id: str) -> dict[str, Any]:
    """What the QR code of an own voucher holds (keyword arguments of qr.make_code)."""
    row = own_voucher(actor, public_id)
    return {
        "public_id": row.public_id,
        "number": row.number,
        "merchant": row.merchant.code,
        "expires_at": int(row.expires_at.timestamp()),
    }


# ── merchant ────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Taken:
    """One line of a merchant's day: taken, or refused with its reason."""

    title: str
    value_fen: int | None
    tail: str
    at: datetime
    refused: str
    kind: str

    @property
    def value(self) -> str:
        return yuan(self.value_fen)


@dataclass(frozen=True, slots=True)
class Till:
    """A merchant's day: who, how many, how much, and the lines, newest first."""

    names: str
    count: int
    value_fen: int
    refused: int
    month_count: int
    lines: list[Taken]

    @property
    def value(self) -> str:
        return f"{self.value_fen / 100:.2f}"


def till(actor: Actor) -> Till:
    """Four queries."""
    shops = merchant_ids(actor)
    today = clock.city_date(clock.now())
    start, _end = clock.city_day(today)
    month_start, _end = clock.city_day(today.replace(day=1))
    used = Voucher.objects.filter(merchant_id__in=shops, redeemed_at__gte=month_start)
    sums = used.aggregate(
        month=Count("id"),
        day=Count("id", filter=Q(redeemed_at__gte=start)),
        fen=Sum("face_value_fen", filter=Q(redeemed_at__gte=start)),
    )
    taken = [
        Taken(row.name, row.face_value_fen, row.number[-4:], row.redeemed_at or start, "", row.item.kind)
        for row in used.filter(redeemed_at__gte=start).select_related("item").order_by("-redeemed_at")[:50]
    ]
    refused = _refused_today(shops, start)
    names = "、".join(shop.name for shop in organisations_by_id(shops).values())
    lines = sorted([*taken, *refused], key=lambda line: line.at, reverse=True)[:50]
    return Till(names, sums["day"], sums["fen"] or 0, len(refused), sums["month"], lines)


def _refused_today(shops: Sequence[int], start: datetime) -> list[Taken]:
    rows: QuerySet[Refusal] = Refusal.objects.filter(merchant_id__in=shops, at__gte=start).select_related("voucher")
    return [
        Taken(
            row.voucher.name if row.voucher else "", None, row.tail, row.at, _(REFUSALS.get(row.reason, row.reason)), ""
        )
        for row in rows.order_by("-at")[:50]
    ]


@dataclass(frozen=True, slots=True)
class SeenAtTill:
    """A voucher as the merchant's staff sees it: what it is worth, nothing about its owner."""

    name: str
    number: str
    value: str
    kind: str
    terms: str
    last_moment: datetime


def seen_at_till(voucher: Voucher) -> SeenAtTill:
    return SeenAtTill(
        name=voucher.name,
        number=voucher.number,
        value=yuan(voucher.face_value_fen),
        kind=voucher.item.kind,
        terms=voucher.item.terms,
        last_moment=voucher.expires_at - timedelta(minutes=1),
    )
