"""Any order of awards with and without a campaign, holds, reversals, appeals, vouchers that are used in parts, given back or
expire, and changes of the budget agrees with a model of some dozen lines: a purse of lots by day, a debt, what is held, what
is owed, what the budget and the campaign have left."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Sum
from hypothesis import HealthCheck, Phase, settings
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
from qixia.rewards.models import Account, Budget, CampaignSum, Hold, Lot, Owed, Posting
from qixia.rewards.rules import Signal
from qixia.rewards.sealing import stored_source
from qixia.rewards.services import (
    Award,
    answer_appeal,
    appeal_points,
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
from qixia.rewards.tests.conftest import publish_table

WORTH = {"manhole": 15, "fire-lane": 10, "confirm": 2}
START = datetime(2026, 11, 1, tzinfo=UTC)
EVER = datetime(2001, 1, 1, tzinfo=UTC)
LIFE, GRACE, CAP, LOOK = 5, 2, 60, 2
CANCELLED, EXPIRED = 80, 50  # percent that comes back
BONUS, BONUS_CAP, LAST_DAY = 5, 12, date(2026, 11, 4)
CAMPAIGN = {"title": "冬", "first": date(2026, 11, 1), "last": LAST_DAY, "bonus": BONUS, "total_cap": BONUS_CAP}
CAMPAIGN["rules"] = ["fire-lane"]
GOODS = ({"price": 1}, {"price": 10, "parts": 3}, {"price": 25, "face_value_fen": 700, "by_amount": True})
PAID, HELD, OWED, TAKEN, VOIDED = "paid", "held", "owed", "taken", "voided"


@dataclass
class Piece:
    """Points for a source: the award itself, or what an appeal added. `back` is what of it a later decision may restore."""

    points: int
    bonus: int = 0
    flagged: bool = False
    state: str = ""
    since: date | None = None
    order: int = 0
    back: int = 0


@dataclass
class Act:
    pieces: list[Piece]
    is_appealed: bool = False
    is_restored: bool = False


@dataclass
class Bought:
    voucher: Any
    came_from: list[tuple[date, int]]
    used: int = 0
    uses: int = field(default=0)

    def worth(self, used: int) -> int:
        return self.voucher.price * used // self.voucher.total


class Ledger(RuleBasedStateMachine):
    """The model: lots by last day, a debt, vouchers with the lots they came from, acts with their pieces, cover."""

    @initialize()
    def open(self):
        self.now = START
        self.shop = organisation("canteen")
        self.clerk = person("merchant", self.shop)
        self.rider = person()
        self.goods = [item(self.shop, stock=1000, valid_days=3, **{"face_value_fen": None} | one) for one in GOODS]
        self.boss, self.judge = person("admin"), person("admin")
        self.debt = self.settled = self.gone = self.serial = 0
        self.cap = self.cover = CAP
        self.lots: dict[date, int] = {}
        self.acts: dict[str, Act] = {}
        self.bought: list[Bought] = []

    # ── the model ─────────────────────────────────────────────────────────────
    @property
    def purse(self):
        return sum(self.lots.values())

    @property
    def today(self):
        return clock.city_date(self.now)

    def pieces(self, *states):
        found = [one for act in self.acts.values() for one in act.pieces if one.state in states]
        return sorted(found, key=lambda one: one.order)

    def step(self, piece, state):
        self.serial += 1
        piece.state, piece.order = state, self.serial

    def earn(self, parts):
        """What is owed is repaid from what ends first."""
        for end, points in sorted(parts):
            repaid = min(points, self.debt)
            self.debt -= repaid
            if points > repaid:
                self.lots[end] = self.lots.get(end, 0) + points - repaid

    def pay(self, piece, points):
        self.step(piece, PAID)
        piece.points = points
        self.earn([(self.today + timedelta(days=LIFE), points)])

    def give(self, piece):
        self.cover -= piece.points
        if piece.flagged:
            self.step(piece, HELD)
            piece.since = self.today
        else:
            self.pay(piece, piece.points)

    def give_in_turn(self, pieces):
        """As far as there is cover; the first that it is not enough for stops the rest, and nobody overtakes who waits."""
        waits = bool(self.pieces(OWED))
        for piece in pieces:
            waits = waits or piece.points > self.cover
            if waits:
                self.step(piece, OWED)
            else:
                self.give(piece)

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

    @property
    def given(self):
        """What the campaign gave."""
        return sum(one.bonus for one in self.pieces(PAID, HELD, OWED))

    # ── awards ────────────────────────────────────────────────────────────────
    @rule(what=st.sampled_from(sorted(WORTH)), n=st.integers(0, 5), is_held=st.integers(0, 3))
    def award(self, what, n, is_held):
        source, signals = f"report:{what}{n}", (Signal("reused-photo"),) if is_held == 0 else ()
        with clock.at(self.now):
            award_many([Award(self.rider.ref, what, source, "x", "system:x", signals=signals)])
        if source in self.acts:
            return
        holds = what == "fire-lane" and self.today <= LAST_DAY
        bonus = max(min(BONUS, BONUS_CAP - self.given), 0) if holds else 0
        piece = Piece(WORTH[what] + bonus, bonus, bool(signals))
        self.give_in_turn([piece])
        self.acts[source] = Act([piece])

    @precondition(lambda self: self.acts)
    @rule(data=st.data())
    def reverse(self, data):
        source = data.draw(st.sampled_from(sorted(self.acts)))
        with clock.at(self.now):
            for _twice in range(2):
                reverse(source=source, reason="无效", actor="system:x")
        mine = sorted(self.acts[source].pieces, key=lambda one: one.order)
        for piece in [one for one in mine if one.state == PAID]:
            self.debt += piece.points - sum(part for _end, part in self.take(piece.points))
            self.cover += piece.points
            piece.flagged = False
            self.took(piece)
        for piece in [one for one in mine if one.state in (HELD, OWED)]:
            self.cover += piece.points if piece.state == HELD else 0
            self.took(piece)

    def took(self, piece):
        self.step(piece, TAKEN)
        piece.back = piece.points

    @precondition(lambda self: self.pieces(TAKEN))
    @rule(data=st.data())
    def restore(self, data):
        """What a reversal took comes back as it was: held again if it was held, behind whoever waits for cover; less what an
        appeal against that reversal gave."""
        taken = [source for source, act in self.acts.items() if any(one.state == TAKEN for one in act.pieces)]
        source = data.draw(st.sampled_from(sorted(taken)))
        with clock.at(self.now):
            restore(source=source, reason="申诉成立", actor="system:x")
            assert restore(source=source, reason="再来一次", actor="system:x") == []
        act = self.acts[source]
        back = [one for one in act.pieces if one.state == TAKEN and one.back]
        for piece in back:
            piece.points, piece.bonus = piece.back, min(piece.bonus, piece.back)
            act.is_restored |= piece is act.pieces[0]
        self.give_in_turn(sorted(back, key=lambda one: one.order))

    @precondition(lambda self: self.pieces(HELD))
    @rule(data=st.data(), share=st.sampled_from(["all", "part", "none"]))
    def decide(self, data, share):
        held = [source for source, act in self.acts.items() if act.pieces[0].state == HELD]
        source = data.draw(st.sampled_from(sorted(held)))
        piece = self.acts[source].pieces[0]
        hold = next(one for one in Hold.objects.filter(state="open") if one.posting.source == stored_source(source))
        given = {"all": piece.points, "part": 1, "none": 0}[share]
        with clock.at(self.now):
            if given:
                post_hold(actor=self.boss, public_id=hold.public_id, points=given, reason="看过了")
            else:
                void_hold(actor=self.boss, public_id=hold.public_id, reason="看过了")
        self.cover += piece.points - given
        piece.bonus -= min(piece.bonus, piece.points - given)
        if given:
            self.pay(piece, given)
        else:
            self.step(piece, VOIDED)
            piece.back = piece.points

    def may_appeal(self):
        """Acts of which the rider says something for the first time: what was given, taken or refused, and never restored."""
        found = [(source, act) for source, act in self.acts.items() if not (act.is_appealed or act.is_restored)]
        return [source for source, act in found if act.pieces[0].state in (PAID, TAKEN, VOIDED)]

    @precondition(lambda self: self.may_appeal())
    @rule(data=st.data(), points=st.sampled_from([0, 1, 4, 15]))
    def appeal(self, data, points):
        source = data.draw(st.sampled_from(sorted(self.may_appeal())))
        act = self.acts[source]
        first = act.pieces[0]
        most = 15 if first.state == PAID else first.back
        points = min(points, most)
        entry = Posting.objects.filter(source=stored_source(source)).latest("pk")
        with clock.at(self.now):
            made = appeal_points(actor=self.rider, entry=entry.pk, text="我说得对")
            answer_appeal(actor=self.judge, public_id=made.public_id, points=points, answer="看过了")
        act.is_appealed = True
        if not points:
            return
        first.back -= points if first.state == TAKEN else 0
        piece = Piece(points)
        act.pieces.append(piece)
        self.give_in_turn([piece])

    @precondition(lambda self: Budget.objects.exists())
    @rule(more=st.sampled_from([5, 20, 40]))
    def raise_the_cap(self, more):
        self.cap += more
        self.cover += more
        with clock.at(self.now):
            change_cap(actor=self.boss, budget=Budget.objects.get().public_id, cap=self.cap, reason="追加")
            while pay_owed():
                pass
        for piece in self.pieces(OWED):
            if piece.points > self.cover:
                break
            self.give(piece)

    # ── vouchers ──────────────────────────────────────────────────────────────
    @rule(which=st.integers(0, len(GOODS) - 1))
    def spend(self, which):
        self.serial += 1
        thing = self.goods[which]
        with clock.at(self.now):
            try:
                key = f"client-{self.serial:04d}"
                voucher = reserve(actor=self.rider, item=thing.public_id, client_key=key)
            except NotEnoughPoints:
                assert self.purse < thing.price
                return
        assert self.purse >= thing.price
        self.bought.append(Bought(voucher, self.take(thing.price)))

    def comes_back(self, one, percent):
        """Of what was not used, so many percent, of the points that end last; the rest is gone."""
        self.bought.remove(one)
        left = one.voucher.price - one.worth(one.used)
        back = left * percent // 100
        self.gone += left - back
        least, parts = self.today + timedelta(days=GRACE), []
        for end, points in sorted(one.came_from, reverse=True):
            part = min(points, back)
            back -= part
            parts.append((max(end, least), part))
        self.earn([(end, part) for end, part in parts if part])

    @precondition(lambda self: self.bought)
    @rule(n=st.integers(0, 20), share=st.integers(1, 100))
    def use(self, n, share):
        one = self.bought[n % len(self.bought)]
        left = one.voucher.total - one.used
        units = max(left * share // 100, 1)
        one.uses += 1
        with clock.at(self.now):
            redeem(
                actor=self.clerk,
                text=one.voucher.number,
                redeem_key=f"redeem-{one.voucher.pk:04d}-{one.uses}",
                units=units,
            )
        self.settled += one.worth(one.used + units) - one.worth(one.used)
        one.used += units
        if one.used == one.voucher.total:
            self.bought.remove(one)

    @precondition(lambda self: self.bought)
    @rule(n=st.integers(0, 20))
    def give_up(self, n):
        one = self.bought[n % len(self.bought)]
        with clock.at(self.now):
            for _twice in range(2):
                cancel(actor=self.rider, voucher=one.voucher.public_id)
        self.comes_back(one, CANCELLED)

    @rule()
    def a_day_passes(self):
        self.now += timedelta(days=1)
        with clock.at(self.now):
            expire_due()
            expire_lots()
            time_out_holds()
            seal_postings()
        for one in [one for one in self.bought if one.voucher.expires_at <= self.now]:
            self.comes_back(one, EXPIRED)
        for end in [end for end in self.lots if end < self.today]:
            self.gone += self.lots.pop(end)
        for piece in self.pieces(HELD):
            if piece.since + timedelta(days=LOOK) < self.today:
                self.pay(piece, piece.points)

    # ── they agree ────────────────────────────────────────────────────────────
    @invariant()
    def books_agree_with_the_model(self):
        held = sum(one.voucher.price - one.worth(one.used) for one in self.bought)
        pots = dict(Account.objects.filter(owner_ref=self.rider.ref).values_list("kind", "balance"))
        assert (pots.get("available", 0), -pots.get("debt", 0), pots.get("held", 0)) == (self.purse, self.debt, held)
        assert pots.get("pending", 0) == sum(one.points for one in self.pieces(HELD))
        lots = Lot.objects.filter(account__owner_ref=self.rider.ref, left__gt=0).values_list("expires_on", "left")
        assert dict(lots) == {end: left for end, left in self.lots.items() if left}
        owed = Owed.objects.filter(state="waiting").order_by("id").values_list("points", flat=True)
        assert list(owed) == [one.points for one in self.pieces(OWED)]
        assert -queries.collected("city", "budget") == self.cap - self.cover
        assert queries.collected("city", "expired") == self.gone
        assert queries.collected(f"organisation:{self.shop.public_id}", "settlement") == self.settled
        assert (Posting.objects.aggregate(given=Sum("bonus"))["given"] or 0) == self.given

    def teardown(self):
        """The proof of all the books, and of what sealing adds up besides."""
        if not hasattr(self, "rider"):
            return
        with clock.at(self.now):
            seal_postings()
            assert compare().findings == {}
        sealed = CampaignSum.objects.values_list("given", flat=True).first() or 0
        assert sealed == self.given


@pytest.mark.slow
def test_any_order_of_acts_agrees_with_the_model(table):
    publish_table(valid_from=EVER, cancel_returns=CANCELLED, expiry_returns=EXPIRED, campaigns={"winter": CAMPAIGN})
    books = {
        "lots": {"days": LIFE, "end_of_month": False, "grace_days": GRACE},
        "budgets": {"caps": {"points": CAP}, "slice_size": 7},
    }
    publish("rewards.books", books, note="测试", actor_ref="system:test", valid_from=EVER)
    holds = policy.current("rewards.holds").data.model_dump(mode="json") | {"days": LOOK, "appeals_a_day": 100}
    publish("rewards.holds", holds, note="测试", actor_ref="system:test", valid_from=EVER)

    class Rolled(Ledger):
        """Each example in a transaction of its own, undone at its end: hypothesis knows nothing of pytest's."""

        def __init__(self):
            self.around = transaction.atomic()
            self.around.__enter__()
            super().__init__()

        def teardown(self):
            try:
                super().teardown()
            finally:
                transaction.set_rollback(True)
                self.around.__exit__(None, None, None)

    run_state_machine_as_test(
        Rolled,
        settings=settings(
            max_examples=6 if connection.vendor == "postgresql" else 12,
            stateful_step_count=25,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
