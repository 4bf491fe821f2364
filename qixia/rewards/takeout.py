"""What a rider gets of the own points and vouchers (people's right to a copy), and what of them still runs."""

from __future__ import annotations

from typing import Any

from qixia.kernel import clock
from qixia.people.access import Actor
from qixia.rewards import queries, states
from qixia.rewards.access import own_vouchers, own_waitings
from qixia.rewards.models import Use

_PAGE = 200


def export_of(actor: Actor) -> dict[str, Any]:
    """The whole ledger and all vouchers, latest first."""
    return {
        "balance": queries.balance(actor.ref),
        "entries": _entries(actor.ref),
        "vouchers": _vouchers(actor),
        "uses": _uses(actor),
        "lines": _lines(actor),
        "appeals": queries.appeals_of(actor),
    }


def _lines(actor: Actor) -> list[dict[str, Any]]:
    """What the rider waits or waited for."""
    rows = own_waitings(actor).order_by("-pk")
    found = rows.values("item__name", "slot__starts_at", "state", "since", "offered_until", "ended_at")
    return [dict(row) for row in found]


def open_vouchers(actor: Actor) -> int:
    """Vouchers that can still be used."""
    return own_vouchers(actor).filter(state__in=states.USABLE, expires_at__gt=clock.now()).count()


def _entries(owner_ref: str) -> list[dict[str, Any]]:
    found, before = [], None
    while True:
        page = queries.entries_page(owner_ref, before=before, size=_PAGE)
        found += [_entry(row) for month in page.months for row in month.rows]
        if page.next is None:
            return found
        before = page.next


def _entry(row: queries.Row) -> dict[str, Any]:
    return {
        "at": row.at,
        "title": row.title,
        "points": row.points,
        "balance": row.balance,
        "rule": row.rule,
        "rule_version": row.version,
        "report": row.number,
        "place": row.place,
        "reason": row.reason,
    }


def _vouchers(actor: Actor) -> list[dict[str, Any]]:
    names = ("number", "name", "state", "price", "returned", "face_value_fen", "by_amount", "total", "used")
    times = ("created_at", "opens_at", "expires_at", "ended_at")
    return list(own_vouchers(actor).order_by("-pk").values(*names, *times))


def _uses(actor: Actor) -> list[dict[str, Any]]:
    uses = Use.objects.filter(voucher__in=own_vouchers(actor)).order_by("-pk")
    found = uses.values("voucher__number", "merchant__name", "units", "points", "fen", "taken_at")
    return [dict(row) for row in found]
