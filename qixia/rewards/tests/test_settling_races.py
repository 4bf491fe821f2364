"""Two clerks, two workers, two keepers at once: the promises that only the database can keep, on both of them."""

from __future__ import annotations

import pytest

from qixia.kernel import clock
from qixia.rewards import services
from qixia.rewards.errors import StatementNotNow
from qixia.rewards.models import Dispute, Payment, Posting, Statement, StatementLine
from qixia.rewards.tests.builders import organisation
from qixia.rewards.tests.settled import AFTER, budget, money_of, one_use, paid, settled, somebody
from qixia.rewards.tests.test_races import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("table_live")]


def pinned(act):
    """Threads do not share the pinned clock."""

    def run():
        with clock.at(AFTER):
            return act()

    return run


def test_two_clerks_pay_the_same_statement_and_one_payment_is_made():
    budget()
    town = settled("agreed")
    clerks = [somebody("admin") for _number in range(4)]
    results = at_once(
        [pinned(lambda who=who, n=n: paid(town, actor=who, bank_ref=f"ICBC-{n}")) for n, who in enumerate(clerks)]
    )
    assert sorted(type(one).__name__ for one in results) == ["Payment", *[StatementNotNow.__name__] * 3]
    assert (Payment.objects.count(), money_of(town.shop)) == (1, {"paid:fen": 3000})
    assert services.compare().findings == {}


def test_two_workers_issue_the_same_month_once():
    budget()
    shops = [organisation() for _number in range(3)]
    for shop in shops * 2:
        one_use(shop)
    results = at_once([pinned(services.issue_due) for _number in range(4)])
    assert sum(len(one.issued) for one in results) == 3
    assert (Statement.objects.filter(state="issued").count(), StatementLine.objects.count()) == (3, 6)
    assert Posting.objects.filter(rule="money").count() == 3
    assert services.compare().findings == {}


def test_agreement_and_objection_at_once_leave_one_of_them():
    budget()
    town = settled("issued")
    row = town.row.public_id
    at_once(
        [
            pinned(lambda: services.agree(actor=town.keeper, statement=row)),
            pinned(lambda: services.dispute(actor=town.clerk, statement=row, reason="少了一笔")),
        ]
    )
    assert (Statement.objects.get().state, Dispute.objects.count()) in [("agreed", 0), ("disputed", 1)]


def test_a_payment_is_reversed_once():
    budget()
    town = settled("paid")
    payment = Payment.objects.get().public_id
    at_once(
        [
            pinned(lambda: services.reverse_payment(actor=town.boss, payment=payment, reason="登记错了"))
            for _number in range(3)
        ]
    )
    assert money_of(town.shop) == {"settlement:fen": 3000, "settlement:points": 20}
    assert services.compare().findings == {}
