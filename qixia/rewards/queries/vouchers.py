"""A rider's vouchers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, IntegerField, When
from django.utils.translation import gettext as _

from qixia.kernel import clock
from qixia.people.access import Actor
from qixia.policy import queries as policy
from qixia.rewards import rules, states
from qixia.rewards.access import own_voucher, own_vouchers
from qixia.rewards.models import Voucher
from qixia.rewards.queries.money import yuan

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


@dataclass(frozen=True, slots=True)
class Use:
    """A voucher that was used up, for who lets its owner say how it was."""

    public_id: str
    name: str
    redeemed_at: datetime


def redeemed_vouchers_of(actor: Actor, merchant_id: int, since: datetime) -> list[Use]:
    """The actor's own uses at one merchant (key of the organisation), the latest first. One query."""
    rows = own_vouchers(actor).filter(state=states.REDEEMED, merchant_id=merchant_id, redeemed_at__gte=since)
    found = rows.order_by("-redeemed_at").values_list("public_id", "name", "redeemed_at")
    return [Use(public_id, name, at) for public_id, name, at in found[:VOUCHERS_PAGE] if at]
