"""Any order of awards, holds, reversals, spending, giving back, expiry and changes of the budget agrees with a model of
some dozen lines: a purse of lots by day, a debt, what is held, what is owed, and what the budget has left."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from qixia.kernel import clock
from qixia.policy import queries as policy
from qixia.policy.services import publish
from qixia.rewards import queries
from qixia.rewards.errors import NotEnoughPoints
from qixia.rewards.models import Account, Budget, Hold, Lot, Owed
from qixia.rewards.rules import Signal
from qixia.rewards.sealing import stored_source
from qixia.rewards.services import (
    Award,
    award_many,
    cancel,
    change_cap,
    compare,
    expire_due,
    expire_lots,
    pay_owed,
    post_hold,
    redeem,
    reserve,
    restore,
    reverse,
    seal_postings,
    time_out_holds,
    void_hold,
)
from qixia.rewards.tests.builders import item, organisation, person

WORTH = {"manhole": 15, "fire-lane": 10, "confirm": 2}
START = datetime(2026, 11, 1, tzinfo=UTC)
LIFE, GRACE, CAP, LOOK = 5, 2, 60, 2


class Ledger(RuleBasedStateMachine):
    """The model: lots by last day, a debt, vouchers with the lots they came from, holds, what is owed, cover."""

    @initialize()
    def open(self):
        self.now = START
        self.shop = organisation("canteen")
        self.clerk = person("merchant", self.shop)
        self.rider = person()
        self.goods = {price: item(self.shop, price=price, stock=1000, valid_days=3) for price in (1, 10, 25)}
        self.boss = person("admin")
        self.debt = self.settled = self.gone = 0
        self.cap = self.cover = CAP
        self.lots: dict[date, int] = {}
        self.paid: dict[str, int] = {}
        self.held: dict[str, tuple[int, date]] = {}
        self.taken: dict[str, tuple[int, bool]] = {}
        self.owed: dict[str, tuple[int, bool]] = {}
        self.over: set[str] = set()
        self.open_vouchers: list = []
        self.came_from: dict[int, list[tuple[date, int]]] = {}
        self.serial = 0

    @property
    def purse(self):
        return sum(self.lots.values())

    @property
    def today(self):
        return clock.city_date(self.now)

    def earn(self, parts):
        """What is owed is repaid from what ends first."""
        for end, points in sorted(parts):
            repaid = min(points, self.debt)
            self.debt -= repaid
            if points > repaid:
                self.lots[end] = self.lots.get(end, 0) + points - repaid

    def give(self, source, points, is_held):
        self.cover -= points
        if is_held:
            self.held[source] = points, self.today
        else:
            self.paid[source] = points
            self.earn([(self.today + timedelta(days=LIFE), points)])

    def take(self, points):
        """From the lots that end first; returns what came out."""
        parts = []
        for end in sorted(self.lots):
            part = min(points, self.lots[end])
            points -= part
            self.lots[end] -= part
            if part:
                parts.append((end, part))
        return parts

    @rule(what=st.sampled_from(sorted(WORTH)), n=st.integers(0, 5), is_held=st.integers(0, 3))
    def award(self, what, n, is_held):
        source, signals = f"report:{what}{n}", (Signal("reused-photo"),) if is_held == 0 else ()
        with clock.at(self.now):
            award_many([Award(self.rider.ref, what, source, "x", "system:x", signals=signals)])
        if source in self.paid or source in self.held or source in self.owed or source in self.over:
            return
        if self.owed or WORTH[what] > self.cover:
            self.owed[source] = (WORTH[what], bool(signals))
        else:
            self.give(source, WORTH[what], bool(signals))

    @precondition(lambda self: self.paid or self.held or self.owed)
    @rule(data=st.data())
    def reverse(self, data):
        source = data.draw(st.sampled_from(sorted([*self.paid, *self.held, *self.owed])))
        with clock.at(self.now):
            reverse(source=source, reason="无效", actor="system:x")
        self.over.add(source)
        if source in self.owed:
            self.taken[source] = self.owed.pop(source)
        elif source in self.held:
            points, _since = self.held.pop(source)
            self.taken[source] = points, True
            self.cover += points
        else:
            points = self.paid.pop(source)
            self.taken[source] = points, False
            self.cover += points
            taken = sum(part for _end, part in self.take(points))
            self.debt += points - taken

    @precondition(lambda self: self.taken)
    @rule(data=st.data())
    def restore(self, data):
        """What a reversal took comes back as it was: held again if it was held, behind whoever waits for cover."""
        source = data.draw(st.sampled_from(sorted(self.taken)))
        points, is_held = self.taken.pop(source)
        with clock.at(self.now):
            restore(source=source, reason="申诉成立", actor="system:x")
            assert restore(source=source, reason="再来一次", actor="system:x") == []
        self.over.discard(source)
        if self.owed or points > self.cover:
            self.owed[source] = points, is_held
        else:
            self.give(source, points, is_held)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), share=st.sampled_from(["all", "part", "none"]))
    def decide(self, data, share):
        source = data.draw(st.sampled_from(sorted(self.held)))
        points, _since = self.held.pop(source)
        hold = next(one for one in Hold.objects.filter(state="open") if one.posting.source == stored_source(source))
        given = {"all": points, "part": 1, "none": 0}[share]
        with clock.at(self.now):
            if given:
                post_hold(actor=self.boss, public_id=hold.public_id, points=given, reason="看过了")
            else:
                void_hold(actor=self.boss, public_id=hold.public_id, reason="看过了")
        self.cover += points - given
        if given:
            self.paid[source] = given
            self.earn([(self.today + timedelta(days=LIFE), given)])
        else:
            self.over.add(source)

    @precondition(lambda self: Budget.objects.exists())
    @rule(more=st.sampled_from([5, 20, 40]))
    def raise_the_cap(self, more):
        self.cap += more
        self.cover += more
        with clock.at(self.now):
            change_cap(actor=self.boss, budget=Budget.objects.get().public_id, cap=self.cap, reason="追加")
            while pay_owed():
                pass
        for source, (points, is_held) in list(self.owed.items()):
            if points > self.cover:
                break
            del self.owed[source]
            self.give(source, points, is_held)

    @rule(price=st.sampled_from([1, 10, 25]))
    def spend(self, price):
        self.serial += 1
        with clock.at(self.now):
            try:
                voucher = reserve(
                    actor=self.rider, item=self.goods[price].public_id, client_key=f"client-{self.serial:04d}"
                )
            except NotEnoughPoints:
                assert self.purse < price
                return
        assert self.purse >= price
        self.came_from[voucher.pk] = self.take(price)
        self.open_vouchers.append(voucher)

    def comes_back(self, voucher):
        least = self.today + timedelta(days=GRACE)
        self.earn([(max(end, least), part) for end, part in self.came_from[voucher.pk]])

    @precondition(lambda self: self.open_vouchers)
    @rule(n=st.integers(0, 20), used=st.booleans())
    def end(self, n, used):
        voucher = self.open_vouchers.pop(n % len(self.open_vouchers))
        with clock.at(self.now):
            if used:
                redeem(actor=self.clerk, text=voucher.number, redeem_key=f"redeem-{voucher.pk:04d}")
                self.settled += voucher.price
            else:
                cancel(actor=self.rider, voucher=voucher.public_id)
                self.comes_back(voucher)

    @rule()
    def a_day_passes(self):
        self.now += timedelta(days=1)
        with clock.at(self.now):
            expire_due()
            expire_lots()
            time_out_holds()
            seal_postings()
        for voucher in [v for v in self.open_vouchers if v.expires_at <= self.now]:
            self.open_vouchers.remove(voucher)
            self.comes_back(voucher)
        for end in [end for end in self.lots if end < self.today]:
            self.gone += self.lots.pop(end)
        for source, (points, since) in list(self.held.items()):
            if since + timedelta(days=LOOK) < self.today:
                del self.held[source]
                self.paid[source] = points
                self.earn([(self.today + timedelta(days=LIFE), points)])

    @invariant()
    def books_agree_with_the_model(self):
        held = sum(voucher.price for voucher in self.open_vouchers)
        pots = dict(Account.objects.filter(owner_ref=self.rider.ref).values_list("kind", "balance"))
        assert (pots.get("available", 0), -pots.get("debt", 0), pots.get("held", 0)) == (self.purse, self.debt, held)
        assert pots.get("pending", 0) == sum(points for points, _since in self.held.values())
        lots = Lot.objects.filter(account__owner_ref=self.rider.ref, left__gt=0).values_list("expires_on", "left")
        assert dict(lots) == {end: left for end, left in self.lots.items() if left}
        owed = Owed.objects.filter(state="waiting").order_by("id").values_list("points", flat=True)
        assert list(owed) == [points for points, _is_held in self.owed.values()]
        assert -queries.collected("city", "budget") == self.cap - self.cover
        assert queries.collected("city", "expired") == self.gone
        assert queries.collected(f"organisation:{self.shop.public_id}", "settlement") == self.settled
        assert compare().is_sound


@pytest.mark.slow
def test_any_order_of_acts_agrees_with_the_model(table):
    books = {
        "lots": {"days": LIFE, "end_of_month": False, "grace_days": GRACE},
        "budgets": {"caps": {"points": CAP}, "slice_size": 7},
    }
    ever = datetime(2001, 1, 1, tzinfo=UTC)
    publish("rewards.books", books, note="测试", actor_ref="system:test", valid_from=ever)
    holds = policy.current("rewards.holds").data.model_dump(mode="json") | {"days": LOOK}
    publish("rewards.holds", holds, note="测试", actor_ref="system:test", valid_from=ever)

    class Rolled(Ledger):
        """Each example in a transaction of its own, undone at its end: hypothesis knows nothing of pytest's."""

        def __init__(self):
            self.around = transaction.atomic()
            self.around.__enter__()
            super().__init__()

        def teardown(self):
            transaction.set_rollback(True)
            self.around.__exit__(None, None, None)

    run_state_machine_as_test(
        Rolled,
        settings=settings(
            max_examples=20, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
