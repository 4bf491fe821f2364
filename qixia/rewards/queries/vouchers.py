"""A rider's vouchers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Case, IntegerField, Max, When
from django.utils.translation import gettext as _

from qixia.kernel import clock
from qixia.people.access import Actor
from qixia.policy import queries as policy
from qixia.rewards import qr, states
from qixia.rewards.access import own_voucher, own_vouchers, waiting_shops
from qixia.rewards.errors import NoSuchVoucher
from qixia.rewards.models import Use as UseRow
from qixia.rewards.models import Voucher
from qixia.rewards.queries.money import amount, yuan
from qixia.rewards.queries.slots import Booked, booked, percent_back
from qixia.rewards.queries.words import window_words

VOUCHERS_PAGE = 40


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
    opens_at: datetime | None
    windows: str
    by_amount: bool
    total: int
    used: int
    points_left: int
    cancel_returns: int
    expiry_returns: int
    booked: Booked | None
    waits: bool = False  # its shop pauses: it does not end meanwhile, and comes back whole

    @property
    def is_open(self) -> bool:
        return self.state in states.USABLE

    @property
    def shows_code(self) -> bool:
        """Not while no till would take it."""
        return self.is_open and not self.waits

    @property
    def has_parts(self) -> bool:
        return self.by_amount or self.total > 1

    @property
    def is_early(self) -> bool:
        return self.opens_at is not None and self.opens_at > clock.now()

    @property
    def progress(self) -> str:
        """ "已用 2/5 次", or "已用 3.50/20 元"; "" for what is used at once."""
        if not self.has_parts:
            return ""
        if self.by_amount:
            return _("已用 %(used)s/%(total)s 元") % {"used": yuan(self.used), "total": yuan(self.total)}
        return _("已用 %(used)d/%(total)d 次") % {"used": self.used, "total": self.total}

    @property
    def left(self) -> str:
        return amount(self.total - self.used, by_amount=self.by_amount)

    @property
    def value(self) -> str:
        return yuan(self.face_value_fen)

    @property
    def back_now(self) -> int:
        return self.points_left * self.cancel_returns // 100

    @property
    def last_moment(self) -> datetime:
        """The last minute in which it can be used; `expires_at` is the first in which it cannot."""
        return self.expires_at - timedelta(minutes=1)


def tickets(actor: Actor) -> list[Ticket]:
    """The actor's vouchers, usable ones first (the one that expires first on top). One query."""
    rows = own_vouchers(actor).annotate(
        rank=Case(When(state__in=states.USABLE, then=0), default=1, output_field=IntegerField())
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
    is_over = row.expires_at <= clock.now() and not (row.waits and row.slot_id is None)
    state = states.EXPIRED if row.state in states.USABLE and is_over else row.state
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
        terms=row.terms,
        created_at=row.created_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        opens_at=row.opens_at,
        windows=window_words(row.windows),
        by_amount=row.by_amount,
        total=row.total,
        used=row.used,
        points_left=row.points_left,
        cancel_returns=100 if row.waits else percent_back(row, "cancel"),
        expiry_returns=100 if row.waits else percent_back(row, "expire"),
        booked=booked(row),
        waits=row.waits,
    )


def codes_of(actor: Actor, public_id: str) -> qr.Chain:
    """The codes that an own voucher shows from now on. NoSuchVoucher for one that is over, or whose shop pauses: a till
    without network would take what is signed now."""
    row = own_voucher(actor, public_id)
    if row.state not in states.USABLE or row.waits or row.expires_at <= clock.now():
        raise NoSuchVoucher
    facts = qr.Facts(
        public_id=row.public_id,
        number=row.number,
        item=row.item_id,
        merchant=row.merchant.code,
        expires_at=int(row.expires_at.timestamp()),
        opens_at=int(row.opens_at.timestamp()) if row.opens_at else 0,
        total=row.total,
        used=row.used,
        by_amount=row.by_amount,
        face_fen=row.face_value_fen or 0,
    )
    return qr.issue(facts, code_terms())


def code_terms() -> qr.CodesPolicy:
    data: qr.CodesPolicy = policy.current(qr.KIND).data
    return data


@dataclass(frozen=True, slots=True)
class Use:
    """A voucher that was used, or some of it, for who lets its owner say how it was."""

    public_id: str
    name: str
    redeemed_at: datetime


def vouchers_wait(merchant_id: int) -> bool:
    """Whether vouchers of a shop that is closed to them now are kept for later. One query."""
    return waiting_shops().filter(merchant_id=merchant_id).exists()


def redeemed_vouchers_of(actor: Actor, merchant_id: int, since: datetime) -> list[Use]:
    """The actor's own vouchers of which something was used at one merchant (key of the organisation), the latest use
    first. One query."""
    rows = UseRow.objects.filter(voucher__in=own_vouchers(actor), merchant_id=merchant_id).order_by()
    found = rows.values_list("voucher__public_id", "voucher__name").annotate(last=Max("taken_at"))
    return [Use(*row) for row in found.filter(last__gte=since).order_by("-last")[:VOUCHERS_PAGE]]


@dataclass(frozen=True, slots=True)
class Taking:
    """One use of a voucher as its owner sees it."""

    amount: str
    at: datetime


def takings(actor: Actor, public_id: str) -> list[Taking]:
    """What was taken of an own voucher, the latest first."""
    row = own_voucher(actor, public_id)
    return [
        Taking(amount(units, by_amount=row.by_amount), at)
        for units, at in row.uses.order_by("-taken_at", "-pk").values_list("units", "taken_at")[:VOUCHERS_PAGE]
    ]
