"""Threads on real connections: the promises that only the database can keep, on both of them."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Sum

from qixia.kernel import clock
from qixia.kernel.errors import DomainError
from qixia.policy.services import publish
from qixia.rewards import queries
from qixia.rewards.errors import LimitReached, NotEnoughPoints, SoldOut, VoucherRefused
from qixia.rewards.models import Budget, Entry, Hold, Item, Owed, Posting, Voucher
from qixia.rewards.rules import Signal
from qixia.rewards.sealing import stored_source
from qixia.rewards.services import (
    Award,
    award,
    award_many,
    cancel,
    change_cap,
    compare,
    expire_due,
    expire_lots,
    pay_owed,
    post_hold,
    proof,
    redeem,
    reserve,
    restore,
    reverse,
    time_out_holds,
    void_hold,
)
from qixia.rewards.tests.builders import give, item, organisation, person, rider_with

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("table_live")]


def at_once(acts: Sequence[Callable[[], Any]], threads: int = 20) -> list[Any]:
    """Run all acts from `threads` threads that are connected and start together; returns results or the DomainErrors, in
    order."""
    results: list[Any] = [None] * len(acts)
    gate = threading.Barrier(min(threads, len(acts)))

    def work(lane: int) -> None:
        try:
            connection.ensure_connection()
        except Exception:
            gate.abort()  # the others must not wait for somebody who does not come
            raise
        try:
            gate.wait(60)
            for n in range(lane, len(acts), gate.parties):
                try:
                    results[n] = acts[n]()
                except DomainError as error:
                    results[n] = error
        finally:
            connection.close()

    lanes = [threading.Thread(target=work, args=(lane,)) for lane in range(gate.parties)]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    assert None not in results
    return results


def kinds(results: Sequence[Any]) -> Counter[str]:
    return Counter(type(result).__name__ for result in results)


def test_twenty_threads_spend_10_of_50_points_and_exactly_five_succeed():
    rider, thing = rider_with(50), item(stock=100)
    results = at_once(
        [lambda n=n: reserve(actor=rider, item=thing.public_id, client_key=f"client-{n}") for n in range(20)]
    )
    assert kinds(results) == {"Voucher": 5, NotEnoughPoints.__name__: 15}
    assert (queries.balance(rider.ref), Item.objects.get().stock) == (0, 95)
    assert compare().is_sound


def test_fifty_riders_redeem_five_items_and_exactly_five_get_one():
    thing = item(stock=5)
    riders = [rider_with(10) for _ in range(50)]
    results = at_once([lambda r=r: reserve(actor=r, item=thing.public_id, client_key="client-key") for r in riders], 25)
    assert kinds(results) == {"Voucher": 5, SoldOut.__name__: 45}
    assert (Voucher.objects.count(), Item.objects.get().stock) == (5, 0)
    assert sorted(queries.balance(r.ref) for r in riders) == [0] * 5 + [10] * 45
    assert compare().is_sound


def test_the_limit_per_person_holds_under_a_rush():
    rider, thing = rider_with(100), item(stock=100, limit_per_person=2)
    results = at_once(
        [lambda n=n: reserve(actor=rider, item=thing.public_id, client_key=f"client-{n}") for n in range(10)], 10
    )
    assert kinds(results) == {"Voucher": 2, LimitReached.__name__: 8}


def test_the_same_client_key_from_ten_threads_makes_one_voucher():
    rider, thing = rider_with(100), item(stock=100)
    results = at_once([lambda: reserve(actor=rider, item=thing.public_id, client_key="client-key")] * 10, 10)
    assert len({voucher.pk for voucher in results}) == 1
    assert queries.balance(rider.ref) == 90


def test_the_same_award_from_ten_threads_is_paid_once_also_the_first_of_a_rider():
    rider = person()
    same = {
        "beneficiary": rider.ref,
        "rule": "manhole",
        "source": "report:1",
        "act": "reports.dispatched",
        "actor": "system:x",
    }
    results = at_once([lambda: award(**same)] * 10, 10)
    assert len({posting.pk for posting in results}) == 1
    assert queries.balance(rider.ref) == 15


def test_a_cap_holds_under_a_rush():
    rider = person()
    at_once(
        [
            lambda n=n: award(beneficiary=rider.ref, rule="litter", source=f"report:{n}", act="x", actor="system:x")
            for n in range(10)
        ],
        10,
    )
    assert queries.balance(rider.ref) == 7


def test_ten_threads_reverse_once():
    rider = person()
    give(rider, 15, source="report:1")
    at_once([lambda: reverse(source="report:1", reason="无效", actor="system:x")] * 10, 10)
    assert Posting.objects.filter(kind="reversal").count() == 1
    assert queries.balance(rider.ref) == 0
    assert compare().is_sound


def test_ten_merchants_phones_redeem_one_voucher_once():
    shop = organisation("canteen")
    staff = [person("merchant", shop) for _ in range(10)]
    voucher = reserve(actor=rider_with(10), item=item(shop).public_id, client_key="client-key")
    results = at_once(
        [lambda n=n: redeem(actor=staff[n], text=voucher.number, redeem_key=f"redeem-{n}") for n in range(10)], 10
    )
    assert kinds(results) == {"Use": 1, VoucherRefused.__name__: 9}
    assert queries.collected(f"organisation:{shop.public_id}", "settlement") == 10
    assert compare().is_sound


def test_twenty_phones_take_the_last_of_five_parts_and_exactly_as_many_win():
    shop = organisation("canteen")
    staff = [person("merchant", shop) for _ in range(20)]
    voucher = reserve(actor=rider_with(10), item=item(shop, parts=5).public_id, client_key="client-key")
    redeem(actor=staff[0], text=voucher.number, redeem_key="redeem-first", units=3)
    results = at_once(
        [lambda n=n: redeem(actor=staff[n], text=voucher.number, redeem_key=f"redeem-{n}", units=1) for n in range(20)]
    )
    assert kinds(results)["Use"] == 2
    assert kinds(results)["VoucherRefused"] + kinds(results)["NotSoMuchLeft"] == 18
    assert queries.collected(f"organisation:{shop.public_id}", "settlement") == 10
    assert compare().is_sound


def test_parts_are_taken_while_the_rest_is_given_back_and_nothing_is_lost_or_doubled():
    shop = organisation("canteen")
    staff = [person("merchant", shop) for _ in range(4)]
    riders = [rider_with(10) for _ in range(5)]
    thing = item(shop, parts=5, stock=5)
    vouchers = [reserve(actor=r, item=thing.public_id, client_key="client-key") for r in riders]
    acts: list[Callable[[], Any]] = []
    for rider, voucher in zip(riders, vouchers, strict=True):
        for n in range(4):
            key = f"redeem-{voucher.pk}-{n}"
            acts.append(lambda v=voucher, n=n, k=key: redeem(actor=staff[n], text=v.number, redeem_key=k, units=2))
        acts.insert(len(acts) - 2, lambda r=rider, v=voucher: cancel(actor=r, voucher=v.public_id))
    at_once(acts)
    taken = queries.collected(f"organisation:{shop.public_id}", "settlement")
    assert taken + sum(queries.balance(r.ref) + queries.summary_for(r.ref).held for r in riders) == 50
    assert compare().is_sound


def test_redeem_cancel_and_expiry_at_once_end_a_voucher_once():
    shop = organisation("canteen")
    clerk = person("merchant", shop)
    thing = item(shop, stock=10)
    riders = [rider_with(10) for _ in range(10)]
    vouchers = [reserve(actor=r, item=thing.public_id, client_key="client-key") for r in riders]
    acts = []
    for rider, voucher in zip(riders, vouchers, strict=True):
        acts.append(lambda v=voucher: redeem(actor=clerk, text=v.number, redeem_key=f"redeem-{v.pk}"))
        acts.append(lambda r=rider, v=voucher: cancel(actor=r, voucher=v.public_id))
    at_once(acts)
    ends = Counter(Voucher.objects.values_list("state", flat=True))
    assert ends["reserved"] == 0
    assert sum(queries.balance(r.ref) for r in riders) == 10 * ends["cancelled"]
    assert queries.collected(f"organisation:{shop.public_id}", "settlement") == 10 * ends["redeemed"]
    assert Item.objects.get().stock == ends["cancelled"]
    assert compare().is_sound


def test_what_comes_back_while_a_debt_begins_repays_it():
    """Whoever waits for a purse sees what was opened in it meanwhile: the first debt of a rider."""
    rider, thing = person(), item(price=10)
    give(rider, 15, source="report:1")
    voucher = reserve(actor=rider, item=thing.public_id, client_key="client-key")
    has_taken = threading.Event()

    def take_back():
        with transaction.atomic():
            reverse(source="report:1", reason="无效", actor="system:x")
            has_taken.set()
            threading.Event().wait(0.5)  # meanwhile the other one stands before the lock
        return True

    def give_up():
        has_taken.wait(20)
        return cancel(actor=rider, voucher=voucher.public_id)

    at_once([take_back, give_up])
    summary = queries.summary_for(rider.ref)
    assert (summary.balance, summary.owed, summary.held) == (0, 0, 0)
    assert compare().is_sound


def entries_of(actor, kind):
    rows = Entry.objects.filter(account__owner_ref=actor.ref, account__kind=kind).order_by("pk")
    return list(rows.values_list("amount", "balance_after"))


def test_a_hundred_redemptions_reversals_expiries_and_merges_at_the_same_moment_on_one_account():
    """A hundred connections, each with one act, all on one purse: nothing is spent that was not there, nothing is taken twice, and
    whatever the order was, every point is somewhere."""
    rider, shop = person(), organisation("canteen")
    tills = [person("merchant", shop) for _ in range(3)]
    goods, lunches = item(shop, stock=1000), item(shop, stock=1000, price=9, parts=3, valid_days=3)
    ages = {"old": 500, "late": 10, "new": 0}
    made: dict[str, list[Voucher]] = {}
    for name, days in ages.items():
        with clock.at(clock.now() - timedelta(days=days)):
            for n in range(4):
                give(rider, 15, source=f"report:{name}{n}")
            keys = [f"{name}-{n:08d}" for n in range(3)]
            made[name] = [reserve(actor=rider, item=lunches.public_id, client_key=key) for key in keys]
    assert queries.summary_for(rider.ref).balance + queries.summary_for(rider.ref).held == 180

    def merged(n: int) -> Any:
        """What a merge does: the points of one report go, those of the other come, at once or not at all."""
        with transaction.atomic():
            reverse(source=f"report:new{n}", reason="合并", actor="system:x")
            return award(beneficiary=rider.ref, rule="fire-lane", source=f"report:into{n}", act="x", actor="system:x")

    def taken(n: int, voucher: Voucher) -> Any:
        return redeem(actor=tills[n % 3], text=voucher.number, redeem_key=f"redeem-{n:04d}", units=1 + n % 2)

    acts: list[Callable[[], Any]] = [
        *[lambda n=n: reserve(actor=rider, item=goods.public_id, client_key=f"client-{n:04d}") for n in range(24)],
        *[lambda n=n: taken(n, made["new"][n % 3]) for n in range(24)],
        *[lambda n=n: cancel(actor=rider, voucher=made["new"][n % 3].public_id) for n in range(6)],
        *[lambda n=n: reverse(source=f"report:late{n % 4}", reason="无效", actor="system:x") for n in range(12)],
        *[lambda n=n: reverse(source=f"report:new{n % 4}", reason="无效", actor="system:x") for n in range(8)],
        *[lambda n=n: merged(n % 4) for n in range(16)],
        *[lambda: expire_due() or True] * 5,
        *[lambda: expire_lots() or True] * 5,
    ]
    assert len(acts) == 100
    random.Random(7).shuffle(acts)
    results = at_once(acts, threads=100)
    refused = {"NotEnoughPoints", "VoucherRefused", "VoucherEnded", "VoucherOver", "NotSoMuchLeft"}
    assert set(kinds(results)) <= {"Posting", "list", "Voucher", "Use", "bool", "int", *refused}

    for kind in ("available", "held"):
        assert min(after for _amount, after in entries_of(rider, kind)) >= 0, "never more was spent than was there"
    reversals = Posting.objects.filter(kind="reversal")
    assert Counter(reversals.values_list("source", flat=True)) == dict.fromkeys(
        [stored_source(f"report:{name}{n}") for name in ("late", "new") for n in range(4)], 1
    )
    assert -sum(reversals.values_list("points", flat=True)) == 8 * 15
    assert Posting.objects.filter(rule="fire-lane").count() == 4
    for voucher in Voucher.objects.filter(item=lunches):
        assert voucher.used == sum(voucher.uses.values_list("units", flat=True)) <= 3
        assert voucher.state in ("part_used", "reserved", "redeemed", "cancelled", "expired")
    assert Entry.objects.aggregate(total=Sum("amount"))["total"] == 0
    sums = Entry.objects.order_by().values("posting").annotate(total=Sum("amount")).exclude(total=0)
    assert not sums.exists()
    pots = queries.summary_for(rider.ref)
    assert not (pots.balance and pots.owed)
    gone = queries.collected("city", "expired") + queries.collected(f"organisation:{shop.public_id}", "settlement")
    assert pots.balance - pots.owed + pots.held + gone == 180 + 4 * 10 - 8 * 15
    assert compare().findings == {}


def test_a_rush_at_the_cap_gives_no_point_without_cover_and_loses_none():
    """Sixteen riders, cover for ten of them, in slices that hold two each: whoever gets none now is owed, and paid later."""
    books = {"budgets": {"caps": {"points": 150}, "slice_size": 30}}
    ever = datetime(2001, 1, 1, tzinfo=UTC)
    publish("rewards.books", books, note="测试", actor_ref="system:test", valid_from=ever)
    riders = [person() for _ in range(16)]
    act = {"rule": "manhole", "act": "x", "actor": "system:x"}
    made = at_once(
        [lambda n=n, r=r: award(beneficiary=r.ref, source=f"report:{n}", **act) for n, r in enumerate(riders)], 16
    )
    assert all(one.points + one.promised == 15 for one in made)
    assert sum(one.points for one in made) <= 150
    at_once([lambda: pay_owed() or True] * 4, 4)
    while pay_owed():
        pass
    assert sum(queries.balance(r.ref) for r in riders) == 150
    assert Owed.objects.filter(state="waiting").count() == 6
    assert compare().is_sound


def test_points_end_once_when_the_job_the_rider_and_a_reversal_come_at_once():
    rider, thing = person(), item(stock=10, price=15)
    long_ago = clock.now() - timedelta(days=500)
    with clock.at(long_ago):
        award(beneficiary=rider.ref, rule="manhole", source="report:1", act="x", actor="system:x")
    acts: list[Callable[[], Any]] = [lambda: expire_lots() or True] * 4
    acts += [lambda: time_out_holds() or True] * 2
    acts += [lambda: reverse(source="report:1", reason="无效", actor="system:x")] * 4
    acts += [lambda n=n: reserve(actor=rider, item=thing.public_id, client_key=f"client-{n:02d}") for n in range(4)]
    at_once(acts, 14)
    ends = Counter(Posting.objects.values_list("kind", flat=True))
    assert (ends["award"], ends["reversal"]) == (1, 1)
    assert ends["expire"] + ends["spend"] <= 1
    assert queries.balance(rider.ref) == 0
    assert compare().is_sound


def test_nobody_waits_for_the_proof_of_the_books(monkeypatch):
    rider = rider_with(15)

    def meanwhile(found, *more):
        writer = threading.Thread(target=lambda: (give(rider, 10), connection.close()), daemon=True)
        writer.start()
        writer.join(timeout=4)
        assert not writer.is_alive(), "a payment waits for the proof"
        look(found, *more)

    look = proof._look_at_seal
    monkeypatch.setattr(proof, "_look_at_seal", meanwhile)
    found = compare()
    assert (found.is_sound, found.postings, queries.balance(rider.ref)) == (True, 1, 25)


def test_a_hundred_acts_of_every_kind_at_an_empty_budget_leave_sound_books():
    """Holds that are given, refused and timed out, what is owed and paid, points that end, merges, restored and reversed awards,
    vouchers and a cap that moves, all on one rider while the budget runs out again and again."""
    books = {"budgets": {"caps": {"points": 90}, "slice_size": 20}}
    ever = datetime(2001, 1, 1, tzinfo=UTC)
    publish("rewards.books", books, note="测试", actor_ref="system:test", valid_from=ever)
    long_ago, now = clock.now() - timedelta(days=500), clock.now()
    rider, boss, shop = person(), person("admin"), organisation("canteen")
    clerk, thing = person("merchant", shop), item(shop, stock=1000, price=5)

    def paid(n: int, *, held: bool = False, at: datetime = now) -> Any:
        signals = (Signal("reused-photo"),) if held else ()
        with clock.at(at):
            return award_many([Award(rider.ref, "manhole", f"report:{n}", "x", "system:x", signals=signals)])

    paid(900, at=long_ago)  # ends
    paid(901, held=True, at=long_ago)  # is over
    for n in range(4):
        paid(n, held=n % 2 == 0)
    holds = list(Hold.objects.filter(opened_on__gt=clock.city_date(long_ago)).values_list("public_id", flat=True))
    vouchers = [reserve(actor=rider, item=thing.public_id, client_key=f"first-{n:04d}") for n in range(2)]

    def merged(n: int) -> Any:
        """What a merge does: the points of one report go, those of the other come, at once or not at all."""
        with transaction.atomic():
            reverse(source=f"report:{n}", reason="合并", actor="system:x")
            return paid(n + 50)

    def raised(n: int) -> Any:
        row = Budget.objects.get(starts_on__lte=clock.city_date(now), ends_on__gte=clock.city_date(now))
        return change_cap(actor=boss, budget=row.public_id, cap=row.cap + 15, reason="追加")

    kinds_of_acts: list[Callable[[int], Any]] = [
        lambda n: paid(n % 12, held=n % 3 == 0),
        lambda n: reverse(source=f"report:{n % 12}", reason="无效", actor="system:x"),
        lambda n: restore(source=f"report:{n % 12}", reason="申诉成立", actor="system:x"),
        lambda n: merged(n % 4),
        lambda n: post_hold(actor=boss, public_id=holds[n % len(holds)], points=7, reason="一半"),
        lambda n: void_hold(actor=boss, public_id=holds[n % len(holds)], reason="不给"),
        lambda n: time_out_holds() or True,
        lambda n: pay_owed() or True,
        lambda n: expire_lots() or True,
        lambda n: reserve(actor=rider, item=thing.public_id, client_key=f"client-{n:04d}"),
        lambda n: cancel(actor=rider, voucher=vouchers[n % 2].public_id),
        lambda n: redeem(actor=clerk, text=vouchers[n % 2].number, redeem_key=f"redeem-{n % 2:04d}"),
        raised,
    ]
    draw = random.Random(11)
    drawn = [draw.choice(kinds_of_acts) for _ in range(100)]
    acts = [lambda n=n, act=act: act(n) for n, act in enumerate(drawn)]
    results = at_once(acts)
    refused = {"NotEnoughPoints", "HoldEnded", "VoucherRefused", "VoucherEnded", "BudgetOverlaps"}
    assert set(kinds(results)) <= {"Posting", "list", "Voucher", "Use", "Budget", "bool", "int", *refused}
    pots = queries.summary_for(rider.ref)
    assert min(pots.balance, pots.owed, pots.held) >= 0
    assert not (pots.balance and pots.owed)
    twice = Counter(Posting.objects.filter(reverses__isnull=False).values_list("reverses", flat=True))
    assert max(twice.values(), default=1) == 1
    assert not Hold.objects.filter(state="open", due_on__lt=clock.city_date(now)).exists() or time_out_holds()
    assert compare().findings == {}
