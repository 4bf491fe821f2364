"""Any order of awards, reversals, spending, giving back and expiry agrees with a model of a dozen lines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

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
from qixia.rewards import queries
from qixia.rewards.errors import NotEnoughPoints
from qixia.rewards.models import Account
from qixia.rewards.services import award, cancel, compare, expire_due, redeem, reserve, reverse
from qixia.rewards.tests.builders import item, organisation, person

WORTH = {"manhole": 15, "fire-lane": 10, "confirm": 2}
START = datetime(2026, 11, 1, tzinfo=UTC)


class Ledger(RuleBasedStateMachine):
    """The model: a purse, a debt, points held for vouchers, and what was paid for which source."""

    @initialize()
    def open(self):
        self.now = START
        self.shop = organisation("canteen")
        self.clerk = person("merchant", self.shop)
        self.rider = person()
        self.goods = {price: item(self.shop, price=price, stock=1000, valid_days=3) for price in (1, 10, 25)}
        self.purse = self.debt = self.settled = 0
        self.paid: dict[str, int] = {}
        self.reversed: set[str] = set()
        self.open_vouchers: list = []
        self.serial = 0

    def earn(self, points):
        repaid = min(points, self.debt)
        self.debt -= repaid
        self.purse += points - repaid

    @rule(what=st.sampled_from(sorted(WORTH)), n=st.integers(0, 5))
    def award(self, what, n):
        source = f"report:{what}{n}"
        with clock.at(self.now):
            award(beneficiary=self.rider.ref, rule=what, source=source, act="x", actor="system:x")
        if source not in self.paid:
            self.paid[source] = WORTH[what]
            self.earn(WORTH[what])

    @precondition(lambda self: self.paid)
    @rule(data=st.data())
    def reverse(self, data):
        source = data.draw(st.sampled_from(sorted(self.paid)))
        with clock.at(self.now):
            reverse(source=source, reason="无效", actor="system:x")
        if source not in self.reversed:
            self.reversed.add(source)
            taken = min(self.paid[source], self.purse)
            self.purse -= taken
            self.debt += self.paid[source] - taken

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
        self.purse -= price
        self.open_vouchers.append(voucher)

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
                self.earn(voucher.price)

    @rule()
    def a_day_passes(self):
        self.now += timedelta(days=1)
        with clock.at(self.now):
            expire_due()
        for voucher in [v for v in self.open_vouchers if v.expires_at <= self.now]:
            self.open_vouchers.remove(voucher)
            self.earn(voucher.price)

    @invariant()
    def books_agree_with_the_model(self):
        held = sum(voucher.price for voucher in self.open_vouchers)
        pots = dict(Account.objects.filter(owner_ref=self.rider.ref).values_list("kind", "balance"))
        assert (pots.get("available", 0), -pots.get("debt", 0), pots.get("held", 0)) == (self.purse, self.debt, held)
        assert queries.collected(f"organisation:{self.shop.public_id}", "settlement") == self.settled
        assert compare().is_sound


@pytest.mark.slow
def test_any_order_of_acts_agrees_with_the_model(table):
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
