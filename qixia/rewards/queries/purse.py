"""A rider's purse and ledger: what is there, what came and went, by month. Pages are cut by key, never by offset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce, TruncMonth
from django.utils.translation import gettext as _

from qixia.kernel import clock
from qixia.policy import queries as policy
from qixia.rewards import rules, sealing, states
from qixia.rewards.models import Account, Budget, Claim, Entry, Lot, Posting, Promise, Voucher
from qixia.rewards.queries.rulebook import rule_title
from qixia.rewards.queries.terms import books_terms
from qixia.rewards.queries.why import Why, why
from qixia.rewards.terms import NEVER

PAGE = 30
EXPIRES_SOON = timedelta(days=3)


def points_of(sources: Iterable[str], *, without: Iterable[str] = ()) -> dict[str, int]:
    """What each of these has earned by now, less what was taken back and `without` what these rules paid. One statement."""
    given = {sealing.stored_source(one): one for one in sources}
    rows = (
        Posting.objects.filter(source__in=given)
        .exclude(rule__in=list(without))
        .order_by()
        .values_list("source")
        .annotate(n=Sum("points"))
    )
    return {given[source]: points for source, points in rows}


def waiting_of(sources: Iterable[str]) -> dict[str, int]:
    """What each of these was promised and has not got yet: held, or owed. One statement."""
    given = {sealing.stored_source(one): one for one in sources}
    rows = Posting.objects.filter(source__in=given, promised__gt=0, paid_by=None).order_by().values_list("source")
    return {given[source]: points for source, points in rows.annotate(n=Sum("promised"))}


@dataclass(frozen=True, slots=True)
class Summary:
    """For the home page and the ledger's head. Points; `owed` ≥ 0."""

    balance: int
    owed: int
    held: int
    pending: int
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
    why: Why | None
    waits: int  # points that are owed until there is a budget
    uncovered: bool  # the budget was used up, and that was the end of it
    is_paid_later: bool  # a promise that was kept or ended
    until: date | None  # of what is held and not decided yet: the last day on which somebody may look
    promised: int  # of what is held: the points, after caps

    @property
    def day_word(self) -> str:
        """今天 or 昨天, else empty: older days are written as dates."""
        passed = (clock.city_date(clock.now()) - clock.city_date(self.at)).days
        return {0: _("今天"), 1: _("昨天")}.get(passed, "")

    @property
    def is_capped(self) -> bool:
        return self.kind == rules.AWARD and self.points < self.nominal and not (self.waits or self.uncovered)

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


@dataclass(frozen=True, slots=True)
class LotLine:
    """Points that end on one day; `soon`: within the days of the warning."""

    last_day: date | None  # none: never
    points: int
    soon: bool


def lots_of(owner_ref: str) -> list[LotLine]:
    """What the owner can spend, by its last day, the first first. One query."""
    rows = Lot.objects.filter(account__owner_ref=owner_ref, left__gt=0).order_by("expires_on")
    until = clock.city_date(clock.now()) + timedelta(days=books_terms().lots.warn_days)
    return [
        LotLine(None if end == NEVER else end, left, end <= until)
        for end, left in rows.values_list("expires_on", "left")
    ]


def worth(rule: str) -> int:
    """What one act by `rule` earns now, before caps. A class that is gone is worth what any class is."""
    data: rules.PointsPolicy = policy.current("rewards.points").data
    line = data.rules.get(rule)
    return line.points if line else data.line(rule, {rule: rule}).points


def balance_at(owner_ref: str, moment: datetime, *, kind: str = rules.AVAILABLE, unit: str = rules.POINTS) -> int:
    """What lay in one kind of account at `moment`: what had been booked by then, whatever day it counts for."""
    return _sum_of(owner_ref, kind, unit, posting__created_at__lte=moment)


def collected(owner_ref: str, kind: str, *, unit: str = rules.POINTS) -> int:
    """The derived balance of a collecting account, over all its slots; the budget's is negative: what was issued."""
    return _sum_of(owner_ref, kind, unit)


def _sum_of(owner_ref: str, kind: str, unit: str, **booked: datetime) -> int:
    """An owner's entries of one kind; a budget's over all its periods. Opening lots of an upgrade have no entries."""
    refs = [owner_ref]
    if kind == rules.BUDGET:
        periods = Budget.objects.filter(owner_ref=owner_ref, unit=unit).values_list("public_id", flat=True)
        refs += [f"budget:{public_id}" for public_id in periods]
    entries = Entry.objects.filter(account__owner_ref__in=refs, account__kind=kind, account__unit=unit, **booked)
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
        person__public_id=owner_ref.partition(":")[2], state__in=states.USABLE, expires_at__gt=now
    ).values_list("expires_at", flat=True)
    expiries = sorted(waiting)
    return Summary(
        balance=pots.get(rules.AVAILABLE, 0),
        owed=-pots.get(rules.DEBT, 0),
        held=pots.get(rules.HELD, 0),
        pending=pots.get(rules.PENDING, 0),
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
    postings = list(found.select_related("reversed_by", "paid_by").order_by("-pk")[: size + 1])
    more = len(postings) > size
    rows = [row_of(posting) for posting in postings[:size]]
    sums = _month_sums(owner_ref, [row.month for row in rows])
    months: list[MonthOfRows] = []
    for row in rows:
        if not months or months[-1].month.first != row.month:
            months.append(MonthOfRows(sums.get(row.month, Month(row.month, 0, 0, 0)), []))
        months[-1].rows.append(row)
    return Page(months, rows[-1].id if more else None)


def row_of(posting: Posting) -> Row:
    params: dict[str, Any] = posting.params
    undone, is_over = getattr(posting, "reversed_by", None), bool(getattr(posting, "paid_by", None))
    title = params.get("title", "")
    if posting.kind in (rules.AWARD, rules.HOLD, rules.VOID):
        title = rule_title(posting.rule, title)
    return Row(
        id=posting.pk,
        kind=posting.kind,
        title=title,
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
        why=why(posting.points or posting.promised, title, params.get("why")),
        waits=posting.promised if posting.kind == rules.AWARD else 0,
        uncovered=params.get("uncovered") == "refuse",
        is_paid_later=is_over,
        until=date.fromisoformat(params["until"]) if params.get("until") and not is_over else None,
        promised=posting.promised,
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
