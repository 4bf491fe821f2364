"""Shops with uses in October 2026, and statements in every state, by the services themselves."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.apps import apps

from qixia.kernel import clock
from qixia.people.access import Actor, actor_for
from qixia.policy.services import publish
from qixia.rewards import rules, services
from qixia.rewards.models import Budget, Entry, Payment, Statement, Voucher
from qixia.rewards.services.redemption.taking import Taker, take
from qixia.rewards.tests.builders import give, item, organisation, person

MONTH = date(2026, 10, 1)
AFTER = datetime(2026, 11, 3, 2, tzinfo=UTC)  # a Tuesday
EVER = datetime(2001, 1, 1, tzinfo=UTC)
_serial = itertools.count(1)


def somebody(role: str, at: Any = None) -> Actor:
    """A person who held the role before any of this happened."""
    with clock.at(in_month(1)):
        return person(role, at)


def in_month(day: int, hour: int = 4) -> datetime:
    return datetime(2026, 10, day, hour, tzinfo=UTC)


def policy(**changes: Any) -> None:
    publish("rewards.settlement", changes, note="测试", actor_ref="system:test", valid_from=EVER)


def budget(cap: int = 10_000_000) -> Budget:
    """The city's money from October on."""
    with clock.at(in_month(1)):
        return services.open_budget(
            actor=person("admin"),
            owner_ref=rules.CITY,
            unit=rules.FEN,
            starts_on=MONTH,
            ends_on=date(2027, 12, 31),
            cap=cap,
        )


def live(
    shop: Any,
    *,
    thing: Any = None,
    at: datetime | None = None,
    taken_at: datetime | None = None,
    units: int | None = None,
    again: bool = False,
) -> Any:
    """Somebody uses a voucher at a shop, at a moment (by default that of the clock, within October). `again`: a further
    part of the latest voucher of that item."""
    moment = at or (clock.now() if clock.now() < datetime(2026, 11, 9, tzinfo=UTC) and clock.now() >= AFTER else None)
    moment = moment or (clock.now() if taken_at else in_month(10))
    with clock.at(moment):
        thing = thing or item(shop, stock=1000)
        voucher = Voucher.objects.filter(item=thing, state="part_used").last() if again else None
        if voucher is None:
            rider = person()
            give(rider, thing.price)
            voucher = services.reserve(actor=rider, item=thing.public_id, client_key="client-key")
        staff = person("merchant", organisation("till-of-another-shop"))
        return take(
            voucher=Voucher.objects.select_related("person", "merchant", "item").get(pk=voucher.pk),
            units=units or voucher.total,
            taker=Taker(actor_ref=staff.ref, person_id=staff.person_id or 0, merchant_id=shop.pk),
            redeem_key=f"redeem-{next(_serial)}",
            taken_at=taken_at or moment,
            offline=taken_at is not None,
        )


def one_use(shop: Any, *, fen: int = 1500, price: int = 10) -> Any:
    return live(shop, thing=item(shop, face_value_fen=fen, price=price))


def issued(shop: Any, *, month: date = MONTH) -> Statement:
    later = AFTER if month == MONTH else datetime(month.year, month.month + 1, 3, 2, tzinfo=UTC)
    with clock.at(later):
        services.issue_due()
    return Statement.objects.select_related("posting").get(merchant=shop, month=month)


def agreed(shop: Any) -> Statement:
    row = issued(shop)
    with clock.at((row.object_until or AFTER) + timedelta(hours=1)):
        services.agree_silent()
    return Statement.objects.select_related("closing").get(pk=row.pk)


@dataclass
class Town:
    shop: Any
    keeper: Actor
    clerk: Actor
    boss: Actor
    row: Statement
    now: datetime


def settled(state: str) -> Town:
    """A shop with a keeper, somebody who works there, and a statement over 30 yuan and 20 points in `state`."""
    shop = organisation()
    keeper = somebody("merchant", shop)
    with clock.at(in_month(2)):
        clerk = person("merchant", shop)
    town = Town(shop, keeper, clerk, somebody("admin"), Statement(), AFTER)
    for _number in range(2):
        one_use(shop)
    if state == "draft":
        fund = Budget.objects.get(unit=rules.FEN)
        Budget.objects.filter(pk=fund.pk).update(cap=0, rest=0)
        apps.get_model("rewards", "BudgetChange").objects.create(
            budget=fund, before=fund.cap, after=0, reason="测试", by="system:test", at=AFTER
        )
        with clock.at(AFTER):
            services.issue_due()
        town.row = Statement.objects.get(merchant=shop)
        return town
    town.row = issued(shop)
    with clock.at(AFTER):
        if state == "disputed":
            services.dispute(actor=clerk, statement=town.row.public_id, reason="合计少了")
        if state in ("agreed", "paid"):
            services.agree(actor=keeper, statement=town.row.public_id)
        if state == "paid":
            paid(town)
    town.row.refresh_from_db()
    assert town.row.state == state
    return town


def paid(town: Town, **changes: Any) -> Payment:
    town.row.refresh_from_db()
    given = {
        "actor": town.boss,
        "statement": town.row.public_id,
        "fen": town.row.due_fen,
        "paid_on": clock.city_date(clock.now()),
        "bank_ref": f"ICBC-{town.row.pk:06d}",
    }
    return services.record_payment(**{**given, **changes})


def money_of(shop: Any) -> dict[str, int]:
    """What lies in a shop's accounts, "kind:unit" → sum; without those that hold nothing."""
    found: dict[str, int] = {}
    rows = Entry.objects.filter(account__owner_ref=f"organisation:{shop.public_id}")
    for kind, unit, amount in rows.values_list("account__kind", "account__unit", "amount"):
        found[f"{kind}:{unit}"] = found.get(f"{kind}:{unit}", 0) + amount
    return {name: amount for name, amount in found.items() if amount}


def also_works_at(actor: Actor, shop: Any) -> Actor:
    apps.get_model("people", "RoleGrant").objects.create(
        person_id=actor.person_id, role="merchant", organisation=shop, valid_from=AFTER
    )
    found = actor_for(actor.person_id or 0)
    assert found is not None
    return found
