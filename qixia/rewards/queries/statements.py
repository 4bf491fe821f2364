"""Statements as a merchant, the desk and an auditor read them. No line names a rider; of a voucher's number only the tail.

Costs    stated where a page depends on them; lines come in pages by key, so that a month of any size is read with little
         memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Count, Min, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from qixia.kernel import clock
from qixia.kernel.errors import NotAllowed
from qixia.people.access import Actor
from qixia.people.queries import display_names_for, organisations_by_id
from qixia.policy.queries import current
from qixia.rewards import offline, settling
from qixia.rewards.access import keeps_shop, own_statements
from qixia.rewards.errors import NoSuchStatement
from qixia.rewards.models import Dispute, Payment, Statement, StatementLine

READERS = ("admin", "auditor")
PAGE = 30
LINES = 200
CHUNK = 1_000
BORNE = {"merchant": "商家承担", "city": "平台承担", "rider": "顾客承担"}


def money(fen: int | None) -> str:
    """分 as an amount with two places and thousands: 123456 → "1,234.56"."""
    return "" if fen is None else f"{fen / 100:,.2f}"


@dataclass(frozen=True, slots=True)
class StatementRow:
    """One line of a list. Money is text in 元."""

    public_id: str
    number: str
    shop: str
    month: date
    state: str
    label: str
    glyph: str
    uses: int
    late: int
    points: int
    fen: int
    due_fen: int
    carried_fen: int
    object_until: datetime | None
    pay_until: datetime | None
    waits: bool
    disputes: int

    @property
    def total(self) -> str:
        return money(self.fen)

    @property
    def due(self) -> str:
        return money(self.due_fen)

    @property
    def carried(self) -> str:
        return money(self.carried_fen)


@dataclass(frozen=True, slots=True)
class StatementPage:
    items: list[StatementRow]
    next: int | None


@dataclass(frozen=True, slots=True)
class DaySum:
    """A day of a statement."""

    day: date
    lines: int
    points: int
    fen: int
    marked: int  # losses, corrections, late ones and objections

    @property
    def total(self) -> str:
        return money(self.fen)


@dataclass(frozen=True, slots=True)
class LineView:
    """One line as it is read by everybody."""

    key: int
    kind: str
    label: str
    day: date
    taken_at: datetime
    title: str
    tail: str
    amount: str
    points: int
    face_fen: int | None
    fen: int
    late: bool
    offline: bool
    borne: str
    note: str
    disputed: bool

    @property
    def total(self) -> str:
        return money(self.fen)

    @property
    def face(self) -> str:
        return money(self.face_fen)


@dataclass(frozen=True, slots=True)
class DisputeView:
    public_id: str
    about: str
    reason: str
    at: datetime
    state: str
    label: str
    answer: str
    answered_at: datetime | None
    corrected: str
    most: str


@dataclass(frozen=True, slots=True)
class PaymentView:
    public_id: str
    total: str
    paid_on: date
    bank_ref: str
    at: datetime
    by: str
    reversed_at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class StatementView:
    """One statement with its sums, days, objections and payments."""

    row: StatementRow
    lost: str
    corrected: str
    brought: str
    brought_fen: int
    brought_points: int
    carried_points: int
    due_points: int
    grand: str
    grand_fen: int
    smallest: str
    issued_at: datetime | None
    issued_by: str
    agreed_at: datetime | None
    agreed_by: str
    paid_at: datetime | None
    days: list[DaySum]
    disputes: list[DisputeView]
    payments: list[PaymentView]
    is_keeper: bool
    is_hands_on: bool
    is_overdue: bool

    def may(self, step: str) -> bool:
        return settling.may(step, self.row.state)

    @property
    def open_disputes(self) -> list[DisputeView]:
        return [one for one in self.disputes if one.state == settling.OPEN]

    @property
    def may_object(self) -> bool:
        until = self.row.object_until
        return self.may("dispute") and until is not None and clock.now() <= until

    @property
    def whole_disputed(self) -> bool:
        return any(not one.about for one in self.disputes)


# ── lists ─────────────────────────────────────────────────────────────────────
def own_list(actor: Actor, *, before: int | None = None) -> StatementPage:
    """A shop's statements, newest first. Two statements and the shops' names."""
    return _page(own_statements(actor), before)


def month_list(
    actor: Actor, *, month: date | None = None, state: str = "", shop: str = "", before: int | None = None
) -> StatementPage:
    """All statements for the desk."""
    return _page(_filtered(actor, month, state, shop), before)


def month_sums(actor: Actor, *, month: date | None = None, state: str = "", shop: str = "") -> dict[str, str | int]:
    """Sums over what the list shows, all of its pages. One statement."""
    found = _filtered(actor, month, state, shop).aggregate(
        count=Count("pk"),
        uses=Sum("uses"),
        points=Sum("points"),
        fen=Sum("fen"),
        due=Sum("due_fen"),
        paid=Sum("due_fen", filter=Q(state=settling.PAID)),
        carried=Sum("carried_fen", filter=Q(carried_into=None)),
    )
    sums: dict[str, str | int] = {name: found[name] or 0 for name in ("count", "uses", "points")}
    sums |= {name: money(found[name] or 0) for name in ("fen", "due", "paid", "carried")}
    return sums | {"open": money((found["due"] or 0) - (found["paid"] or 0))}


def _filtered(actor: Actor, month: date | None, state: str, shop: str) -> QuerySet[Statement]:
    must_read(actor)
    rows = Statement.objects.all()
    if month is not None:
        rows = rows.filter(month=month)
    if state in settling.STATES:
        rows = rows.filter(state=state)
    if shop:
        rows = rows.filter(merchant__name__icontains=shop)
    return rows


def must_read(actor: Actor) -> None:
    if not actor.has(*READERS):
        raise NotAllowed


def months_known() -> list[date]:
    """Months that have statements, newest first."""
    return list(Statement.objects.order_by("-month").values_list("month", flat=True).distinct()[:36])


def open_statements_count(actor: Actor) -> int:
    """What waits for the desk: objections to answer, and agreed sums to pay."""
    waits = Q(state=settling.DISPUTED) | Q(state=settling.AGREED, due_fen__gt=0) | Q(waits_since__isnull=False)
    return Statement.objects.filter(waits).count()


def own_waiting_count(actor: Actor) -> int:
    return own_statements(actor).filter(state=settling.ISSUED).count()


def _page(rows: QuerySet[Statement], before: int | None) -> StatementPage:
    if before is not None:
        rows = rows.filter(pk__lt=before)
    counted = rows.annotate(waiting=Count("disputes", filter=Q(disputes__state=settling.OPEN)))
    found = list(counted.order_by("-pk")[: PAGE + 1])
    names = {pk: shop.name for pk, shop in organisations_by_id({row.merchant_id for row in found}).items()}
    items = [_row(row, names[row.merchant_id], row.waiting) for row in found[:PAGE]]  # type: ignore[attr-defined]
    return StatementPage(items, found[PAGE - 1].pk if len(found) > PAGE else None)


def _row(row: Statement, shop: str, disputes: int = 0) -> StatementRow:
    return StatementRow(
        public_id=row.public_id,
        number=number_of(row),
        shop=shop,
        month=row.month,
        state=row.state,
        label=_("结转下期") if row.carried_fen and row.state == settling.AGREED else _(settling.LABELS[row.state]),
        glyph=settling.GLYPHS[row.state],
        uses=row.uses,
        late=row.late,
        points=row.points,
        fen=row.fen,
        due_fen=row.due_fen,
        carried_fen=row.carried_fen,
        object_until=row.object_until,
        pay_until=row.pay_until,
        waits=row.waits_since is not None,
        disputes=disputes,
    )


def number_of(row: Statement) -> str:
    """What stands on paper: month and key."""
    return f"{row.month:%Y%m}-{row.pk:05d}"


# ── one statement ─────────────────────────────────────────────────────────────
def own_statement(actor: Actor, public_id: str) -> StatementView:
    return _view(actor, _own(actor, public_id))


def desk_statement(actor: Actor, public_id: str) -> StatementView:
    return _view(actor, _for_desk(actor, public_id))


def _own(actor: Actor, public_id: str) -> Statement:
    found = own_statements(actor).select_related("merchant").filter(public_id=public_id).first()
    if found is None:
        raise NoSuchStatement
    return found


def _for_desk(actor: Actor, public_id: str) -> Statement:
    must_read(actor)
    found = Statement.objects.select_related("merchant").filter(public_id=public_id).first()
    if found is None:
        raise NoSuchStatement
    return found


def _view(actor: Actor, row: Statement) -> StatementView:
    """Six statements, whatever the number of lines."""
    policy: settling.SettlementPolicy = current("rewards.settlement").data
    disputes = list(row.disputes.select_related("line", "correction").order_by("pk"))
    payments = list(row.payments.order_by("pk"))
    known = _names([row.issued_by, row.agreed_by, *(one.by for one in payments)])
    corrected_by = set(row.lines.filter(kind=settling.CORRECTION).values_list("correction__by", flat=True))
    hands = {row.issued_by, *(one.answered_by for one in disputes), *corrected_by}
    grand = row.fen + row.brought_fen
    return StatementView(
        row=_row(row, row.merchant.name, sum(one.state == settling.OPEN for one in disputes)),
        lost=money(row.lost_fen) if row.lost_fen else "",
        corrected=_signed(row.corrected_fen),
        brought=_signed(row.brought_fen),
        brought_fen=row.brought_fen,
        brought_points=row.brought_points,
        carried_points=row.carried_points,
        due_points=row.due_points,
        grand=money(grand),
        grand_fen=grand,
        smallest=money(policy.smallest_fen),
        issued_at=row.issued_at,
        issued_by=known.get(row.issued_by, ""),
        agreed_at=row.agreed_at,
        agreed_by=known.get(row.agreed_by, ""),
        paid_at=row.paid_at,
        days=_days(row),
        disputes=[_dispute(one) for one in disputes],
        payments=[_payment(one, known) for one in payments],
        is_keeper=keeps_shop(actor, row.merchant_id),
        is_hands_on=actor.ref in hands,
        is_overdue=row.state == settling.AGREED and bool(row.due_fen) and _is_past(row.pay_until),
    )


def _is_past(moment: datetime | None) -> bool:
    return moment is not None and moment < clock.now()


def _names(refs: list[str]) -> dict[str, str]:
    people = {ref: ref.partition(":")[2] for ref in refs if ref.startswith("person:")}
    found = display_names_for(set(people.values()))
    return {ref: found.get(public_id, "") for ref, public_id in people.items()}


def _signed(fen: int) -> str:
    return f"{fen / 100:+,.2f}" if fen else ""


def _days(row: Statement) -> list[DaySum]:
    marked = Q(late=True) | ~Q(kind=settling.USE) | Q(dispute__isnull=False)
    days = (
        row.lines.order_by()
        .values("day")
        .annotate(count=Count("pk"), points=Sum("points"), fen=Sum("fen"), marked=Count("pk", filter=marked))
    )
    return [DaySum(one["day"], one["count"], one["points"], one["fen"], one["marked"]) for one in days.order_by("day")]


def _dispute(one: Dispute) -> DisputeView:
    line = one.line
    return DisputeView(
        public_id=one.public_id,
        about=f"{line.day:%m-%d} {line.title} {line.tail} {money(line.fen)}" if line else "",
        reason=one.reason,
        at=one.at,
        state=one.state,
        label=_(settling.DISPUTE_LABELS[one.state]),
        answer=one.answer,
        answered_at=one.answered_at,
        corrected=_signed(one.correction.fen) if one.correction else "",
        most=money(line.fen) if line else "",
    )


def _payment(one: Payment, known: Mapping[str, str]) -> PaymentView:
    return PaymentView(
        public_id=one.public_id,
        total=money(one.fen),
        paid_on=one.paid_on,
        bank_ref=one.bank_ref,
        at=one.at,
        by=known.get(one.by, ""),
        reversed_at=one.reversed_at,
        reason=one.reversal_reason,
    )


# ── lines ─────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class LinePage:
    items: list[LineView]
    next: int | None


def own_lines(actor: Actor, public_id: str, *, day: date | None, after: int = 0) -> LinePage:
    """Lines of one day (all that are not plain, without a day). One statement besides the right to see it."""
    return _lines(_own(actor, public_id), day, after)


def desk_lines(actor: Actor, public_id: str, *, day: date | None, after: int = 0) -> LinePage:
    return _lines(_for_desk(actor, public_id), day, after)


def own_line(actor: Actor, public_id: str, key: int) -> LineView:
    found = StatementLine.objects.select_related("dispute").filter(statement=_own(actor, public_id), pk=key).first()
    if found is None:
        raise NoSuchStatement
    return _line(found)


def _lines(row: Statement, day: date | None, after: int) -> LinePage:
    rows = row.lines.select_related("dispute").filter(pk__gt=after)
    rows = rows.filter(day=day) if day else rows.filter(Q(late=True) | ~Q(kind=settling.USE))
    found = list(rows.order_by("pk")[: LINES + 1])
    return LinePage([_line(one) for one in found[:LINES]], found[LINES - 1].pk if len(found) > LINES else None)


def _line(one: StatementLine) -> LineView:
    note = _(offline.REASONS[one.note]) if one.kind == settling.LOSS and one.note in offline.REASONS else one.note
    return LineView(
        key=one.pk,
        kind=one.kind,
        label=_(settling.LINE_LABELS[one.kind]),
        day=one.day,
        taken_at=one.taken_at,
        title=one.title,
        tail=one.tail,
        amount=money(one.units) if one.by_amount else str(one.units or ""),
        points=one.points,
        face_fen=one.face_fen,
        fen=one.fen,
        late=one.late,
        offline=one.offline,
        borne=_(BORNE[one.borne_by]) if one.borne_by else "",
        note=note,
        disputed=hasattr(one, "dispute"),
    )


def all_lines(actor: Actor, public_id: str, *, own: bool) -> Iterator[LineView]:
    """Every line in the order of days, a thousand at a time, for a sheet."""
    row = _own(actor, public_id) if own else _for_desk(actor, public_id)
    rows = row.lines.select_related("dispute").order_by("day", "pk")
    day, last = None, 0
    while True:
        wanted = rows if day is None else rows.filter(Q(day__gt=day) | Q(day=day, pk__gt=last))
        page = list(wanted[:CHUNK])
        yield from (_line(one) for one in page)
        if len(page) < CHUNK:
            return
        day, last = page[-1].day, page[-1].pk


def all_of_month(actor: Actor, month: date) -> Iterator[dict[str, Any]]:
    """Every merchant's statement of a month, as columns for a sheet."""
    must_read(actor)
    rows = Statement.objects.filter(month=month).select_related("merchant").order_by("merchant__name", "pk")
    latest = Min("payments__paid_on", filter=Q(payments__reversed_at=None))
    reference = Min("payments__bank_ref", filter=Q(payments__reversed_at=None))
    for row in rows.annotate(paid_on=latest, bank_ref=reference).iterator(CHUNK):
        yield {
            "number": number_of(row),
            "shop": row.merchant.name,
            "state": _(settling.LABELS[row.state]),
            "uses": row.uses,
            "points": row.points,
            "fen": row.fen,
            "lost_fen": row.lost_fen,
            "corrected_fen": row.corrected_fen,
            "brought_fen": row.brought_fen,
            "due_fen": row.due_fen,
            "carried_fen": row.carried_fen,
            "paid_on": row.paid_on,
            "bank_ref": row.bank_ref or "",
        }
